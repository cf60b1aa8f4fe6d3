/** Pictures to be recognised: each is looked at, what was found is kept. Of the picture itself only a small one is. */

import * as api from "./api.js";
import { pathOf } from "./dropped.js";
import { canvasOf, prepare } from "./pictures.js";

const AT_ONCE = 2; // pictures: one on its way while the server works on another
const SMALL = 112; // px a side of the small picture

/**
 * `items`: {file, path, state: waiting, looking, done or failed, small: a canvas, and then faces, size, full, threshold,
 * or error}. Events: "change" (detail: the item), "list" when there are more or fewer, "rest" when nothing is left to do.
 */
class Shelf extends EventTarget {
  items = [];
  first = null; // the item that is wanted before the others
  #over = new AbortController();
  #working = 0;

  /** Put files on it and begin with them. Returns their items. */
  add(files) {
    const items = files.map((file) => ({
      file,
      path: pathOf(file),
      state: "waiting",
      small: Object.assign(canvasOf(SMALL, SMALL), { className: "shelf-picture" }),
    }));
    this.items.push(...items);
    this.#tell("list");
    this.#go();
    return items;
  }

  /** Look at `items` once more: somebody was enrolled meanwhile, or the server was away. */
  again(items = this.items) {
    for (const item of items.filter(({ state }) => state !== "looking")) this.#set(item, { state: "waiting" });
    this.#go();
  }

  /** Let those be that were not looked at yet. */
  stop() {
    this.items = this.items.filter(({ state }) => state !== "waiting");
    this.#tell("list");
  }

  clear() {
    this.#over.abort();
    this.#over = new AbortController();
    this.items = [];
    this.#tell("list");
  }

  get left() {
    return this.items.filter(({ state }) => state === "waiting" || state === "looking").length;
  }

  #go() {
    while (this.#working < AT_ONCE && this.#next()) this.#work(this.#over.signal);
  }

  #next() {
    return this.first?.state === "waiting" ? this.first : this.items.find(({ state }) => state === "waiting");
  }

  async #work(signal) {
    this.#working += 1;
    for (let item = this.#next(); item && !signal.aborted; item = this.#next()) {
      this.#set(item, { state: "looking", error: null });
      this.#set(item, await found(item, signal));
    }
    this.#working -= 1;
    if (signal.aborted) this.#go();
    else if (this.left === 0) this.#tell("rest");
  }

  #set(item, what) {
    Object.assign(item, what);
    if (this.items.includes(item)) this.#tell("change", item);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** There is one: it goes on while other views are looked at. */
export const shelf = new Shelf();

async function found({ file, small }, signal) {
  try {
    const { blob, size, full } = await prepare(file, (bitmap) => shrink(bitmap, small));
    const { faces, threshold, size: seen } = await api.identify(blob, signal);
    return {
      state: "done",
      faces: faces.map(asShown(threshold, faces.length)),
      threshold,
      size: seen,
      full,
    };
  } catch (error) {
    return { state: "failed", error };
  }
}

/** A face as those of the camera are told; where there are several it has a number, as `--face` counts them. */
const asShown = (threshold, count) => (face, index) => ({
  ...face,
  key: index,
  number: count > 1 ? String(index + 1) : "",
  threshold,
  decided: true,
});

/** Draw the middle of `bitmap` onto a small canvas. */
function shrink(bitmap, small) {
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  small.getContext("2d").drawImage(bitmap, left, top, side, side, 0, 0, small.width, small.height);
}
