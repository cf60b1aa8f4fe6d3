/** A picture in which the faces are marked, to be kept. */

import { labelsOf, statusOf } from "./faces.js";
import { colourOf, drawFace, drawLabels } from "./overlay.js";

export const LONGEST = 4096; // px of the longer side of what is saved
const UNITS = 1000; // to the longer side: what is drawn is as large in every picture
const LINE = 22; // units high, of the legend
const COLUMN = 300; // units wide

/**
 * Draw `bitmap` onto `canvas` as large as that is, with its `faces`, whose boxes are px of a frame of `size`. Where there
 * is no room for all words, they stand below.
 */
export function drawMarked(canvas, bitmap, faces, size) {
  const unit = Math.max(canvas.width, canvas.height) / UNITS;
  const [width, height] = [canvas.width / unit, canvas.height / unit];
  const shown = faces.map((face) => ({
    key: face.key,
    box: face.box.map((value) => (value * width) / size[0]),
    status: statusOf(face),
    texts: labelsOf(face, face.number),
    mark: face.number,
  }));
  const paint = () => {
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0, width * unit, height * unit);
    context.scale(unit, unit);
    for (const face of shown) drawFace(context, face.box, face);
    return { context, ...drawLabels(context, shown, [width, height]) };
  };
  const whole = ({ labels }) => labels.every((label, index) => label?.text === shown[index].texts[0]);
  if (whole(paint())) return;
  const rows = Math.ceil(shown.length / columns(width));
  canvas.height = Math.round((height + (rows + 1) * LINE) * unit); // which clears it
  const { context } = paint();
  drawLegend(context, shown, height, width, rows);
}

const columns = (width) => Math.max(1, Math.floor(width / COLUMN));

function drawLegend(context, faces, top, width, rows) {
  context.fillStyle = "#fff";
  context.fillRect(0, top, width, (rows + 1) * LINE);
  context.fillStyle = "#1d2430";
  context.font = `14px ${colourOf("--font")}`;
  context.textAlign = "left";
  const wide = width / columns(width);
  for (const [index, { texts }] of faces.entries()) {
    const [x, y] = [Math.floor(index / rows) * wide + LINE / 2, top + ((index % rows) + 1) * LINE];
    context.fillText(texts[0], x, y, wide - LINE);
  }
}
