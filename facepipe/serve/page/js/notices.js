/** What is said in passing: the banner under the header, and toasts with an undo. */

import { add, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { say } from "./i18n.js";

/** Show a banner, or with null take it away. `action`: {label, run}. */
export function banner(said, iconName, action) {
  const place = document.getElementById("banner");
  if (said === null) return place.replaceChildren();
  const button = action ? h("button.small", { on: { click: action.run } }, action.label) : null;
  fill(place, h("div.banner", icon(iconName), h("p", said), button));
}

/** Show a toast for a while, longer while it is pointed at or has the focus. `undo`: what to do to take it back. */
export function toast(said, undo) {
  const node = h("div.toast", h("p", said));
  const away = () => node.remove();
  if (undo) add(node, h("button.small", { on: { click: () => (away(), undo()) } }, say("undo")));
  document.getElementById("toasts").append(node);
  const wait = undo ? 10_000 : 5_000;
  let timer = setTimeout(away, wait);
  for (const type of ["pointerenter", "focusin"]) node.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) node.addEventListener(type, () => (timer = setTimeout(away, wait)));
}
