/** Boxes over the camera's picture: line and words, not only colour, say who is known. */

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

/** Draws faces on a stage's canvas. `faces`: [{key, box, status, label}], boxes in px of a frame of `size`. */
export class Overlay {
  #shown = new Map(); // key -> box as drawn now, on its way to where the face was last seen
  #faces = [];
  #size = [1, 1];
  #frame = 0;

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
    const labels = []; // where there are some already
    for (const { key, status, label } of this.#faces) {
      drawLabel(
        context,
        this.#place(this.#shown.get(key), width, height),
        label,
        colourOf(COLOURS[status]),
        width,
        labels,
      );
    }
    if (moving) this.#frame = requestAnimationFrame(() => this.#draw());
  }
}

const LINES = { known: [], unknown: [9, 7], looking: [1, 8] }; // dashes
const COLOURS = { known: "--on-video-known", unknown: "--on-video-unknown", looking: "--on-video-plain" };
const LABEL = 26; // px high

/** A colour, or font, of the style sheet. */
export const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function drawFace(context, [left, top, right, bottom], { status }) {
  const colour = colourOf(COLOURS[status]);
  context.lineCap = "round";
  context.setLineDash(LINES[status]);
  for (const [stroke, thick] of [
    ["rgb(0 0 0 / 45%)", 5],
    [colour, 3],
  ]) {
    context.strokeStyle = stroke;
    context.lineWidth = thick;
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, Math.min(16, (right - left) / 6));
    context.stroke();
  }
  context.setLineDash([]);
}

/** Over the face or under it, where it does not hide another label. */
function drawLabel(context, [left, top, , bottom], label, colour, width, labels) {
  context.font = `600 14px ${colourOf("--font")}`;
  const text = shortened(context, label, width - 24);
  const wide = context.measureText(text).width + 20;
  const x = Math.max(4, Math.min(left, width - wide - 4));
  const hidden = (y) =>
    labels.some((other) => Math.abs(other.y - y) < LABEL && other.x < x + wide && x < other.x + other.wide);
  const above = top - LABEL - 6;
  const y = above >= 2 && !hidden(above) ? above : bottom + 6;
  labels.push({ x, y, wide });
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, wide, LABEL, LABEL / 2);
  context.fill();
  context.fillStyle = colourOf("--on-video-ink");
  context.textBaseline = "middle";
  context.fillText(text, x + 10, y + LABEL / 2 + 0.5);
}

function shortened(context, label, width) {
  const letters = [...label];
  if (context.measureText(label).width <= width) return label;
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > width) letters.pop();
  return `${letters.join("")}…`;
}
