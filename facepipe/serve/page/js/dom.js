/** Elements without HTML text: whatever a user typed can only ever become a text node. */

import { Said, bind } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * Make an element. `tag` may carry classes ("button.primary"); `props` are attributes, but `on` {event: listener},
 * `icon` (put first) and, for booleans, present or absent. Children are nodes, text or phrases; null is left out.
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length > 0) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) set(node, key, value);
  if (name === "button" && !("type" in props)) node.type = "button";
  add(node, ...children);
  return node;
}

/** Append `children` as `h` does. */
export function add(node, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Said) {
      const text = document.createTextNode("");
      bind(text, child);
      node.append(text);
    } else node.append(child);
  }
}

/** Replace what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren();
  add(node, ...children);
}

/** Show text or a phrase as the only content of `node`. */
export function tell(node, said) {
  if (said instanceof Said) bind(node, said);
  else {
    bind(node, { toString: () => said });
  }
}

function set(node, key, value) {
  if (key === "on") {
    for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
  } else if (key === "icon") node.append(icon(value));
  else if (value instanceof Said) bind(node, value, key);
  else if (typeof value === "boolean") node.toggleAttribute(key, value);
  else if (value !== null && value !== undefined) node.setAttribute(key, value);
}
