/** Where the labels of faces go: beside them, over none of them. All rectangles are [left, top, right, bottom]. */

const CLEAR = 3; // times the gap that a label rather keeps off what is not its own
const STEP = 12; // px between two places that are tried
const RINGS = [10, 24, 40, 60, 85, 115, 150]; // px from a face at which a number with a line to it is tried
const SIDES = ["above", "below", "right", "left"];
const CUTS = [9, 5]; // letters that a name is shortened to

/**
 * Place the labels of `faces`: [{key, box, texts: from the longest to the shortest, mark: its number}], in an area of
 * `size` [width, height]; `plate(text)` says how large one is, [width, height], `gap` how far it keeps off. Gives for each
 * face {text, plate, line, side}, `line` [x0, y0, x1, y1] to the face where the label stands apart, or null where there is
 * no room. When not every face has room for words, all have numbers: `numbers` is true then. `before` (Map key -> side)
 * keeps labels where they are.
 */
export function placeLabels(faces, size, plate, { gap = 5, before = new Map() } = {}) {
  const boxes = faces.map(({ box }) => box);
  const room = (taken) => new Room(size, [...boxes, ...taken], gap);
  const words = placeAll(faces, (taken, { box, key, texts }) => {
    for (const text of texts) {
      const found = room(taken).beside(box, plate(text), before.get(key));
      if (found) return { text, ...found };
    }
    return null;
  });
  if (faces.length < 2 || !words.includes(null)) return { labels: words, numbers: false };
  const labels = placeAll(faces, (taken, { box, key, mark: text }) => {
    const free = room(taken);
    const found = free.beside(box, plate(text), before.get(key)) ?? free.apart(box, plate(text));
    return found && { text, ...found };
  });
  return { labels, numbers: true };
}

/** `text` and what may stand for it where there is less room. */
export function shorter(text, cuts = CUTS) {
  const letters = [...text];
  return [
    text,
    ...cuts.filter((most) => letters.length > most + 1).map((most) => `${letters.slice(0, most).join("")}…`),
  ];
}

function placeAll(faces, place) {
  const taken = [];
  return faces.map((face) => {
    const label = place(taken, face);
    if (label) taken.push(label.plate);
    return label;
  });
}

/** What is free of an area when `others` are in it. */
class Room {
  constructor([width, height], others, gap) {
    Object.assign(this, { width, height, others, gap });
  }

  /** A place that touches the face, on the side where it was `before` if that is free; rather not near another face. */
  beside(box, extent, before) {
    const sides = before ? [before, ...SIDES.filter((side) => side !== before)] : SIDES;
    for (const clear of [CLEAR * this.gap, this.gap]) {
      for (const side of sides) {
        const plate = this.#places(side, box, extent).find((one) => this.#isFree(one, box, clear));
        if (plate) return { plate, side, line: null };
      }
    }
    return null;
  }

  /** The nearest place away from the face whose line to it crosses no other. */
  apart(box, extent) {
    const [left, top, right, bottom] = box;
    for (const ring of RINGS) {
      for (let turn = 0; turn < 16; turn += 1) {
        const [east, south] = [Math.cos((turn * Math.PI) / 8), Math.sin((turn * Math.PI) / 8)];
        const x = (left + right) / 2 + east * ((right - left + extent[0]) / 2 + ring);
        const y = (top + bottom) / 2 + south * ((bottom - top + extent[1]) / 2 + ring);
        const plate = at(x - extent[0] / 2, y - extent[1] / 2, ...extent);
        const line = [x, y, Math.max(left, Math.min(right, x)), Math.max(top, Math.min(bottom, y))];
        if (!this.#isFree(plate, box, this.gap)) continue;
        if (!this.others.some((other) => other !== box && crosses(line, other))) return { plate, side: null, line };
      }
    }
    return null;
  }

  /** Places along one side of `box`, those that begin where it begins first. */
  #places(side, [left, top, right, bottom], [wide, high]) {
    const across = side === "above" || side === "below";
    const [from, to, extent, most] = across ? [left, right, wide, this.width] : [top, bottom, high, this.height];
    const inside = (value) => Math.max(2, Math.min(most - extent - 2, value));
    const starts = [from, (from + to - extent) / 2, to - extent];
    for (let start = from - extent + STEP; start <= to - STEP; start += STEP) starts.push(start);
    const { gap } = this;
    const fixed = { above: top - gap - high, below: bottom + gap, right: right + gap, left: left - gap - wide }[side];
    return starts.map(inside).map((start) => (across ? at(start, fixed, wide, high) : at(fixed, start, wide, high)));
  }

  /** Whether a plate keeps `clear` px off everything, but for its own face, where the gap will do. */
  #isFree(plate, own, clear) {
    const within = plate[0] >= 0 && plate[1] >= 0 && plate[2] <= this.width && plate[3] <= this.height;
    return within && !this.others.some((other) => meet(plate, other, (other === own ? this.gap : clear) - 1));
  }
}

const at = (x, y, wide, high) => [x, y, x + wide, y + high];

const meet = (a, b, gap) => a[0] < b[2] + gap && b[0] < a[2] + gap && a[1] < b[3] + gap && b[1] < a[3] + gap;

/** Whether a line goes through a rectangle, as seen at points a few px apart. */
function crosses([x0, y0, x1, y1], [left, top, right, bottom]) {
  const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 3);
  for (let step = 0; step <= steps; step += 1) {
    const [x, y] = [x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps];
    if (x > left && x < right && y > top && y < bottom) return true;
  }
  return false;
}
