/** Boxes over the camera's picture: line and words, not only colour, say who is known. Labels are over no face. */

import { placeLabels } from "./labels.js";

/** Clear a canvas, sized to the pixels of the screen: {context, width, height}, in CSS px. */
export function blank(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = window.devicePixelRatio;
  [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
  const context = canvas.getContext("2d");
  context.scale(density, density);
  return { context, width, height };
}

/** Where a `box` (px of a frame of `size`) is seen in an area that the frame fits into: [left, top, right, bottom]. */
export function onScreen([x0, y0, x1, y1], size, width, height, mirrored) {
  const scale = Math.min(width / size[0], height / size[1]);
  const [beside, above] = [(width - scale * size[0]) / 2, (height - scale * size[1]) / 2];
  const across = (x) => (mirrored ? width - beside - scale * x : beside + scale * x);
  return [across(mirrored ? x1 : x0), above + scale * y0, across(mirrored ? x0 : x1), above + scale * y1];
}

/**
 * Draws faces on a stage's canvas. `faces`: [{key, box, status, texts, mark}], boxes in px of a frame of `size`, `texts`
 * from the longest to the shortest. `numbered`: whether the faces are marked by their numbers for want of room.
 */
export class Overlay {
  #shown = new Map(); // key -> box as drawn now, on its way to where the face was last seen
  #sides = new Map(); // key -> the side of the face that its label is on
  #faces = [];
  #size = [1, 1];
  #frame = 0;
  numbered = false;

  constructor(stage) {
    this.stage = stage;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    new ResizeObserver(() => this.#draw()).observe(stage.canvas);
  }

  show(faces, size) {
    [this.#faces, this.#size] = [faces, size];
    const keys = new Set(faces.map(({ key }) => key));
    for (const key of this.#shown.keys()) if (!keys.has(key)) this.#shown.delete(key);
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  clear() {
    this.show([], this.#size);
  }

  /** The face under a point of the page, or undefined. */
  at(x, y) {
    const area = this.stage.canvas.getBoundingClientRect();
    const inside = ({ box }) => {
      const [left, top, right, bottom] = this.#place(box, area.width, area.height);
      return x - area.left >= left && x - area.left <= right && y - area.top >= top && y - area.top <= bottom;
    };
    return this.#faces.find(inside);
  }

  #place(box, width, height) {
    return onScreen(box, this.#size, width, height, this.stage.mirrored);
  }

  #draw() {
    const { context, width, height } = blank(this.stage.canvas);
    let moving = false;
    for (const face of this.#faces) {
      const target = face.box;
      const from = this.calm ? target : (this.#shown.get(face.key) ?? target);
      const box = from.map((value, index) => value + 0.6 * (target[index] - value));
      moving ||= box.some((value, index) => Math.abs(value - target[index]) > 0.5);
      this.#shown.set(face.key, box);
      drawFace(context, this.#place(box, width, height), face);
    }
    this.#label(context, [width, height]);
    if (moving) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #label(context, size) {
    const faces = this.#faces.map((face) => ({ ...face, box: this.#place(this.#shown.get(face.key), ...size) }));
    const { labels, numbers } = drawLabels(context, faces, size, this.#sides);
    this.#sides = new Map(faces.map(({ key }, index) => [key, labels[index]?.side]));
    this.numbered = numbers;
  }
}

const LINES = { known: [], unknown: [9, 7], looking: [1, 8] }; // dashes
const COLOURS = { known: "--on-video-known", unknown: "--on-video-unknown", looking: "--on-video-plain" };
const SLIGHT = 48; // px of a face's width; a smaller one has a thin frame
const LARGE = { font: 14, high: 26, padding: 10, gap: 5 }; // px of a label
const SMALL = { font: 12, high: 20, padding: 7, gap: 4 };
const TINY = { font: 9, high: 13, padding: 3, gap: 3 };
const CROWD = 5; // faces; where there are more, labels are small

/** A colour, or font, of the style sheet. */
export const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function drawFace(context, [left, top, right, bottom], { status }) {
  const colour = colourOf(COLOURS[status]);
  context.lineCap = "round";
  context.setLineDash(LINES[status]);
  const thick = right - left < SLIGHT ? 2 : 3;
  for (const [stroke, wide] of [
    ["rgb(0 0 0 / 45%)", thick + 2],
    [colour, thick],
  ]) {
    context.strokeStyle = stroke;
    context.lineWidth = wide;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, Math.min(16, (right - left) / 6));
    context.stroke();
  }
  context.setLineDash([]);
}

/** Draw the labels of `faces` where `placeLabels` puts them, smaller where there is little room; what that gives. */
export function drawLabels(context, faces, size, before) {
  let best = null;
  for (const style of faces.length > CROWD ? [SMALL, TINY] : [LARGE, SMALL, TINY]) {
    const placed = placeIn(context, faces, size, style, before);
    if (best === null || placed.worth > best.worth) best = placed;
    if (!placed.numbers && !placed.labels.includes(null)) break;
  }
  context.font = best.font;
  for (const [index, label] of best.labels.entries()) {
    if (label !== null) drawLabel(context, label, colourOf(COLOURS[faces[index].status]), best.style.font);
  }
  return best;
}

/** Where labels of one style have room; `worth`: how many, and words before numbers. */
function placeIn(context, faces, size, style, before) {
  const font = `600 ${style.font}px ${colourOf("--font")}`;
  context.font = font;
  const plate = (text) => [Math.max(style.high, context.measureText(text).width + 2 * style.padding), style.high];
  const placed = placeLabels(faces, size, plate, { gap: style.gap, before });
  const worth = placed.labels.filter((label) => label !== null).length + (placed.numbers ? 0 : 0.5);
  return { ...placed, worth, font, style };
}

function drawLabel(context, { text, plate: [left, top, right, bottom], line }, colour, font) {
  if (line !== null) drawLine(context, line, colour, font / 7);
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(left, top, right - left, bottom - top, (bottom - top) / 2);
  context.fill();
  context.fillStyle = colourOf("--on-video-ink");
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillText(text, (left + right) / 2, (top + bottom) / 2 + font / 28);
}

function drawLine(context, [fromX, fromY, toX, toY], colour, thick) {
  context.strokeStyle = colour;
  context.lineWidth = thick;
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
