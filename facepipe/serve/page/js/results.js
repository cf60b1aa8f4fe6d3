/** What was found in pictures, as files: marked pictures, CSV, JSON. Made here; nothing is sent anywhere. */

import { LONGEST, drawMarked } from "./marked.js";
import { blobOf, canvasOf, shownOf } from "./pictures.js";

const COLUMNS = ["file", "face", "name", "per_cent", "nearest", "score", "threshold", "x0", "y0", "x1", "y1", "error"];

/** Of every picture that was looked at {source, size, threshold, faces} as the API tells them, in px of the file itself;
 * or {source, error: {code, message}}. */
export function resultsOf(items) {
  return items
    .filter(({ state }) => state === "done" || state === "failed")
    .map(({ path, state, error, size, full, threshold, faces }) => {
      if (state === "failed")
        return { source: path, error: { code: error.code ?? "unexpected", message: error.message } };
      const scale = full[0] / size[0];
      return { source: path, size: full, threshold, faces: faces.map((face, index) => plain(face, index + 1, scale)) };
    });
}

const plain = ({ box, score, landmarks, name, candidates }, number, scale) => ({
  face: number,
  name,
  box: box.map((value) => rounded(value * scale)),
  score,
  landmarks: landmarks.map((point) => point.map((value) => rounded(value * scale))),
  candidates,
});

const rounded = (value) => Math.round(value * 100) / 100;

/** Nothing is wholly certain, nor impossible. */
const perCent = (probability) => Math.max(0.01, Math.min(99.99, rounded(100 * probability)));

export const jsonOf = (items) =>
  new Blob([`${JSON.stringify(resultsOf(items), null, 1)}\n`], { type: "application/json" });

/** One line for each face, or for a picture without one; spreadsheets know by the first character that it is UTF-8. */
export function csvOf(items) {
  const lines = resultsOf(items).flatMap((result) => {
    if (result.error) return [{ file: result.source, error: `${result.error.code}: ${result.error.message}` }];
    if (result.faces.length === 0) return [{ file: result.source }];
    return result.faces.map((face) => lineOf(result, face));
  });
  const rows = [COLUMNS, ...lines.map((line) => COLUMNS.map((column) => line[column] ?? ""))];
  return new Blob(["\ufeff", ...rows.map((row) => `${row.map(cell).join(",")}\r\n`)], { type: "text/csv" });
}

function lineOf({ source, threshold }, { face, name, box, candidates: [best] }) {
  const [x0, y0, x1, y1] = box;
  const likely = best && best.probability !== null ? perCent(best.probability) : null;
  const about = { name, per_cent: likely, nearest: best?.person, score: best?.score, threshold };
  return { file: source, face, ...about, x0, y0, x1, y1 };
}

/** A cell of CSV. Text that a spreadsheet would take for a formula is kept from being one. */
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The picture of an item, faces marked and named, as a PNG or JPEG; null where it cannot be shown any longer. */
export async function markedOf({ file, faces, size }, type) {
  const shown = await shownOf(file).catch(() => null);
  if (shown === null) return null;
  const { bitmap } = shown;
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = canvasOf(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  drawMarked(canvas, bitmap, faces, size);
  bitmap.close();
  const blob = await blobOf(canvas, `image/${type}`);
  canvas.width = canvas.height = 0; // its memory, at once
  return blob;
}

/** What the marked picture of an item is called. */
export const markedName = ({ path }, type) =>
  `${path.replace(/\.[^./]*$/, "")}-marked.${type === "jpeg" ? "jpg" : type}`;

/** Have the browser save `blob` as the file `name`. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/^.*\//, "");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when it is surely written
}
