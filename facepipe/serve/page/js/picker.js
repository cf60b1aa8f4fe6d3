/** Choosing and dropping picture files. */

import { add, h } from "./dom.js";
import { say } from "./i18n.js";
import { filesIn } from "./dropped.js";

const ACCEPTED = "image/*,.heic,.heif,.hif,.avif,.tif,.tiff,.jp2,.j2k,.mpo"; // not every system knows these for pictures

const touch = window.matchMedia("(pointer: coarse)");

/** The phrase `key` that asks to drop something, in other words where there is nothing to drop with. */
export const sayDrop = (key) => say(touch.matches ? `${key}.touch` : key);

/** A button that opens the browser's file dialog; `onpictures(files)`. */
export function pictureButton({ onpictures, multiple = false, label = say("picture.choose"), kind = "button" }) {
  const input = h("input", { type: "file", accept: ACCEPTED, multiple, hidden: true });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length > 0) onpictures(files);
  });
  const button = h(kind, { icon: "picture", on: { click: () => input.click() } }, label);
  return h("span.picker", button, input);
}

/** Take files, in folders too, that are dropped on `node` or pasted; while one is dragged over it, its class says so. */
export function dropPictures(node, onpictures, signal) {
  const take = async (event, transfer) => {
    if ((transfer?.files.length ?? 0) === 0) return;
    event.preventDefault();
    const files = await filesIn(transfer);
    if (files.length > 0) onpictures(files);
  };
  const over = (on) => node.classList.toggle("dropping", on);
  node.addEventListener("dragover", (event) => (event.preventDefault(), over(true)), { signal });
  node.addEventListener("dragleave", (event) => node.contains(event.relatedTarget) || over(false), { signal });
  node.addEventListener("drop", (event) => (event.preventDefault(), over(false), take(event, event.dataTransfer)), {
    signal,
  });
  document.addEventListener("paste", (event) => take(event, event.clipboardData), { signal });
  const hint = h("div.drop-hint", { "aria-hidden": "true" });
  add(hint, h("p", say("picture.drop-here")));
  node.append(hint);
  signal.addEventListener("abort", () => over(false));
}
