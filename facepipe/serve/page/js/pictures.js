/** Pictures before they are sent: large ones are made smaller, faces are cut out of them. */

import { ApiError, preview } from "./api.js";

const LARGEST = 1600; // px of the longer side; more shows a face no better and takes long to send
const MOST = 32 * 2 ** 20; // bytes that the server takes

const SENT_AS_THEY_ARE = new Set(["image/jpeg", "image/png", "image/webp"]); // others only some browsers can show

/**
 * A file as {blob, size: [w, h], full: [w, h], name}, upright, at most LARGEST px; `full` is its own size. `look(bitmap)`
 * sees it before it is let go. What it is its content says, not its name. Raises ApiError.
 */
export async function prepare(file, look) {
  const { bitmap, picture, full } = await shownOf(file);
  const { width, height } = bitmap;
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const size = [width, height].map((side) => Math.round(side * scale));
  look?.(bitmap);
  const sent = scale === 1 && SENT_AS_THEY_ARE.has(picture.type) && picture.size <= MOST;
  const blob = sent ? picture : await smaller(bitmap, size, file.name);
  bitmap.close();
  return { blob, size, full, name: file.name };
}

/** A file's `bitmap`, the `picture` that is one of, and its own size: what this browser cannot show the server can. */
export async function shownOf(file) {
  const own = await createImageBitmap(file).catch(() => null);
  if (own !== null) return { bitmap: own, picture: file, full: [own.width, own.height] };
  if (file.size > MOST) throw new ApiError({ code: "body-too-large", message: `${file.name}: over 32 MiB` });
  const { blob, full } = await preview(file);
  return { bitmap: await createImageBitmap(blob), picture: new File([blob], file.name, { type: blob.type }), full };
}

async function smaller(bitmap, size, name) {
  const canvas = canvasOf(...size);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, ...size);
  const blob = await blobOf(canvas, "image/jpeg");
  return new File([blob], name, { type: "image/jpeg" });
}

/** What is on `canvas` as a picture file of `type`. */
export const blobOf = (canvas, type) => new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));

let last = Promise.resolve(); // one picture is decoded at a time: all faces of a crowd at once would take much memory

/** Draw the face in `box` (image px) of the picture `blob` onto `canvas`, with some room around it. */
export function drawFace(canvas, blob, box) {
  const drawn = last.then(() => drawNow(canvas, blob, box));
  last = drawn.catch(() => undefined);
  return drawn;
}

async function drawNow(canvas, blob, box) {
  const [x0, y0, x1, y1] = box;
  const side = 1.35 * Math.max(x1 - x0, y1 - y0);
  const left = (x0 + x1 - side) / 2;
  const top = (y0 + y1 - side) / 2;
  const bitmap = await createImageBitmap(blob);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

/** A square canvas with the face, drawn as soon as the picture is decoded. */
export function faceOf(blob, box, side = 160) {
  const canvas = canvasOf(side, side);
  canvas.className = "face-picture";
  drawFace(canvas, blob, box).catch(() => undefined); // the browser gave up on it: the square stays empty
  return canvas;
}

/** The centre of a box as the API takes it: "x,y" in image px. */
export const centreOf = ([x0, y0, x1, y1]) => `${((x0 + x1) / 2).toFixed(1)},${((y0 + y1) / 2).toFixed(1)}`;

export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}
