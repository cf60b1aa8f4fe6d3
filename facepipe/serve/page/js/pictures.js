/** Pictures before they are sent: large ones are made smaller, faces are cut out of them. */

import { preview } from "./api.js";

const LARGEST = 1600; // px of the longer side; more shows a face no better and takes long to send

const SENT_AS_THEY_ARE = new Set(["image/jpeg", "image/png", "image/webp"]); // others only some browsers can show

/** Raised for a file that says itself that it is no picture. */
export class PictureProblem extends Error {
  code = "image-format";
}

/** A file as {blob, size: [w, h], name}, upright, at most LARGEST px. Raises PictureProblem, or the server's ApiError. */
export async function prepare(file) {
  if (file.type !== "" && !file.type.startsWith("image/")) throw new PictureProblem(file.name);
  const bitmap = await createImageBitmap(file).catch(async () => createImageBitmap(await preview(file)));
  const { width, height } = bitmap;
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  if (scale >= 1 && SENT_AS_THEY_ARE.has(file.type)) return { blob: file, size: [width, height], name: file.name };
  const canvas = canvasOf(Math.round(width * scale), Math.round(height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return {
    blob: new File([blob], file.name, { type: "image/jpeg" }),
    size: [canvas.width, canvas.height],
    name: file.name,
  };
}

/** Draw the face in `box` (image px) of the picture `blob` onto `canvas`, with some room around it. */
export async function drawFace(canvas, blob, box) {
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

/** The files among what was dropped or pasted: the server says which it cannot read. */
export const filesIn = (transfer) => [...(transfer?.files ?? [])];

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}
