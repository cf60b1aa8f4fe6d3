/** The ring of an enrolment, over the camera's picture. */

import { blank, colourOf, onScreen } from "./overlay.js";

const GAP = 0.06; // radians, on either side of an arc

/**
 * Draw it around where the face has to be: one arc for each shot wanted, filled when it is taken. `oval` and `box` in px
 * of a frame of `size`.
 */
export function drawRing(stage, { taken, wanted, oval }, box, size) {
  const { context, width, height } = blank(stage.canvas);
  const [left, top, right, bottom] = onScreen(oval, size, width, height, stage.mirrored);
  const radii = [(right - left) / 2, (bottom - top) / 2];
  context.lineCap = "round";
  for (let index = 0; index < wanted; index += 1) {
    const [from, to] = [index, index + 1].map((part) => ((part / wanted) * 2 - 0.5) * Math.PI);
    context.strokeStyle = index < taken ? colourOf("--on-video-known") : "rgb(255 255 255 / 55%)";
    context.lineWidth = index < taken ? 7 : 4;
    context.beginPath();
    context.ellipse((left + right) / 2, (top + bottom) / 2, ...radii, 0, from + GAP, to - GAP);
    context.stroke();
  }
  if (box) drawFound(context, stage, box, size, width, height);
}

/** Four corners around the face that was found: quieter than a box. */
function drawFound(context, stage, box, size, width, height) {
  const [left, top, right, bottom] = onScreen(box, size, width, height, stage.mirrored);
  const length = Math.min(18, (right - left) / 5);
  context.strokeStyle = "rgb(255 255 255 / 85%)";
  context.lineWidth = 2.5;
  for (const [cornerX, inward] of [
    [left, 1],
    [right, -1],
  ]) {
    for (const [cornerY, downward] of [
      [top, 1],
      [bottom, -1],
    ]) {
      context.beginPath();
      context.moveTo(cornerX + inward * length, cornerY);
      context.lineTo(cornerX, cornerY);
      context.lineTo(cornerX, cornerY + downward * length);
      context.stroke();
    }
  }
}
