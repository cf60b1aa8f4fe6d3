/** The pictures that are recognised, in a list with what was found in each: one of them is looked at. */

import { add, fill, h, tell } from "./dom.js";
import { briefOf, guessOf } from "./faces.js";
import { say, sayError } from "./i18n.js";
import { icon } from "./icons.js";
import { openSaving } from "./saving.js";
import { shelf } from "./shelf.js";

const NAMED = 4; // faces of one picture; of more it is said how many there are
const KEYS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class ShelfList {
  #rows = new Map(); // item -> {node, button, words}
  #chosen = null;

  /** `onchoose(item)`: one is to be looked at; null: there are none any longer. */
  constructor({ onchoose, signal }) {
    this.onchoose = onchoose;
    this.count = h("p.soft");
    this.spoken = h("p.visually-hidden", { role: "status" }); // the end only: every step would be too much to hear
    this.bar = h("progress", { "aria-label": say("shelf.progress") });
    this.stop = h("button.small", { on: { click: () => shelf.stop() } }, say("shelf.stop"));
    this.again = h("button.small", { icon: "swap", on: { click: () => shelf.again() } }, say("shelf.again"));
    this.save = h("button.small", { icon: "save", on: { click: () => openSaving(this.#chosen) } }, say("save"));
    this.clear = h("button.small.quiet", { on: { click: () => shelf.clear() } }, say("shelf.clear"));
    this.list = h("ul.shelf", { "aria-labelledby": "shelf", on: { keydown: (event) => this.#key(event) } });
    this.node = h(
      "section.shelf-section",
      { "aria-labelledby": "shelf", hidden: true },
      h("div.shelf-head", h("h2", { id: "shelf" }, say("shelf")), this.count, this.spoken, this.bar, this.stop),
      this.list,
      h("div.actions", this.save, this.again, this.clear),
    );
    shelf.addEventListener("list", () => this.#update(), { signal });
    shelf.addEventListener("change", ({ detail }) => (this.#tell(detail), this.#progress()), { signal });
    this.#update();
  }

  /** Show which one is looked at, null for none. */
  choose(item) {
    this.#mark(this.#chosen, false);
    this.#chosen = item;
    this.#mark(item, true);
    this.#reach();
  }

  #mark(item, on) {
    const row = this.#rows.get(item);
    if (!row) return;
    if (on) row.button.setAttribute("aria-current", "true");
    else row.button.removeAttribute("aria-current");
    if (on) this.#showRow(row.node);
  }

  /** Scroll the list, not the page, to a row. */
  #showRow(node) {
    const [row, list] = [node.getBoundingClientRect(), this.list.getBoundingClientRect()];
    const beyond = (low, high, least, most) => Math.min(0, low - least) + Math.max(0, high - most);
    this.list.scrollBy(
      beyond(row.left, row.right, list.left, list.right),
      beyond(row.top, row.bottom, list.top, list.bottom),
    );
  }

  /** One button is reached with Tab, the others with the arrows. */
  #reach() {
    const reached = this.#rows.has(this.#chosen) ? this.#chosen : shelf.items[0];
    for (const [item, { button }] of this.#rows) button.tabIndex = item === reached ? 0 : -1;
  }

  #update() {
    const items = new Set(shelf.items);
    for (const [item, { node }] of this.#rows) {
      if (items.has(item)) continue;
      node.remove();
      this.#rows.delete(item);
    }
    for (const item of items) if (!this.#rows.has(item)) this.#add(item);
    this.node.hidden = items.size === 0;
    this.#reach();
    this.#progress();
    if (this.#chosen !== null && !items.has(this.#chosen)) this.onchoose(shelf.items[0] ?? null);
  }

  #add(item) {
    const words = h("span.shelf-words");
    const button = h(
      "button.shelf-item",
      { on: { click: () => this.onchoose(item) } },
      item.small,
      h("span.shelf-text", h("span.shelf-name", { title: item.path }, item.path), words),
    );
    const node = h("li", button);
    this.#rows.set(item, { node, button, words });
    this.list.append(node);
    this.#tell(item);
  }

  #tell(item) {
    const row = this.#rows.get(item);
    if (!row) return;
    row.button.dataset.state = item.state;
    fill(row.words, wordsOf(item));
  }

  #progress() {
    const { left, items } = shelf;
    const failed = items.filter(({ state }) => state === "failed").length;
    this.bar.hidden = this.stop.hidden = left === 0;
    this.bar.max = Math.max(1, items.length);
    this.bar.value = items.length - left;
    this.again.hidden = this.save.hidden = left > 0;
    const key = left > 0 ? "shelf.left" : failed > 0 ? "shelf.failed" : "shelf.done";
    const words = say(key, { done: items.length - left, all: items.length, failed });
    tell(this.count, words);
    tell(this.spoken, left > 0 ? "" : words);
  }

  #key(event) {
    const step = KEYS[event.key];
    if (step === undefined) return;
    const index = shelf.items.findIndex((item) => this.#rows.get(item)?.button === document.activeElement);
    const next = shelf.items[index + step];
    if (index < 0 || next === undefined) return;
    event.preventDefault();
    this.onchoose(next);
    this.#rows.get(next)?.button.focus({ preventScroll: true });
  }
}

/** What was found in a picture, or why nothing. */
function wordsOf({ state, error, faces }) {
  if (state === "failed") return [icon("warn"), h("span", sayError(error))];
  if (state !== "done") return [say(`shelf.${state}`)];
  if (faces.length === 0) return [say("recognise.no-face.picture")];
  const told = faces.filter((face) => face.name || guessOf(face)).sort((a, b) => Boolean(b.name) - Boolean(a.name));
  const parts = told.slice(0, NAMED).map(briefOf);
  if (told.length > NAMED) parts.push([say("shelf.more", { n: told.length - NAMED })]);
  if (faces.length > told.length) parts.push([say("shelf.unknown", { n: faces.length - told.length })]);
  const words = h("span");
  add(
    words,
    parts.flatMap((part, index) => (index > 0 ? [" · ", ...part] : part)),
  );
  return [words];
}
