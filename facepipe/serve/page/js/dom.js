/** Elements without HTML text: whatever a user typed can only ever become a text node. */

import { Said, bind } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * Make an element: h("button.primary", { icon: "check", on: { click } }, say("close")). `tag` may carry classes. An
 * object after it are attributes (a boolean: present or not), `on` {event: listener}, and `icon`, put first. Children
 * are nodes, text or phrases, also in arrays; null and false are left out.
 */
export function h(tag, ...children) {
  const props = children[0]?.constructor === Object ? children.shift() : {};
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
  bind(node, said); // text too: it takes the place of a phrase
}

function set(node, key, value) {
  if (key === "on") {
    for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
  } else if (key === "icon") node.append(icon(value));
  else if (value instanceof Said) bind(node, value, key);
  else if (typeof value === "boolean") node.toggleAttribute(key, value);
  else if (value !== null && value !== undefined) node.setAttribute(key, value);
}
