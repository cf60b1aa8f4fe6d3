/** The dialog that saves what was found in pictures: them with the faces marked, and the results as a table or as data. */

import { openDialog } from "./dialog.js";
import { h, tell } from "./dom.js";
import { say } from "./i18n.js";
import { csvOf, jsonOf, markedName, markedOf, save } from "./results.js";
import { shelf } from "./shelf.js";
import { Zip } from "./zip.js";

const TYPES = { jpeg: "JPEG", png: "PNG" };

/** `chosen`: the picture that is looked at. */
export function openSaving(chosen) {
  const over = new AbortController();
  const said = h("p.soft", { role: "status" });
  const done = shelf.items.filter(({ state }) => state === "done");
  const one = (type) => savePicture(chosen, type, said);
  const body = () => [
    chosen?.state === "done" ? group("save.one", types(one)) : null,
    done.length > 1
      ? group(
          "save.all",
          types((type) => saveAll(done, type, said, over.signal)),
        )
      : null,
    group("save.results", [
      h("button", { on: { click: () => save(csvOf(shelf.items), "facepipe.csv") } }, "CSV"),
      h("button", { on: { click: () => save(jsonOf(shelf.items), "facepipe.json") } }, "JSON"),
    ]),
    h("p.soft", say("save.how")),
    said,
  ];
  return openDialog({ title: say("save"), body: () => body().filter(Boolean) }).finally(() => over.abort());
}

const types = (run) =>
  Object.entries(TYPES).map(([type, name]) => h("button", { on: { click: () => run(type) } }, name));

const group = (key, buttons) =>
  h("div.save-group", { role: "group", "aria-label": say(key) }, h("p", say(key)), h("div.actions", buttons));

async function savePicture(item, type, said) {
  const blob = await markedOf(item, type);
  if (blob === null) return tell(said, say("picture.not-shown"));
  save(blob, markedName(item, type));
  tell(said, "");
}

/** All marked pictures in one archive, made one after the other; closing the dialog ends it. */
async function saveAll(items, type, said, signal) {
  const zip = new Zip();
  let [left, number] = [0, 0];
  for (const item of items) {
    number += 1;
    tell(said, say("save.working", { done: number, all: items.length }));
    const blob = await markedOf(item, type);
    if (signal.aborted) return;
    if (blob !== null && zip.fits(blob.size)) await zip.add(markedName(item, type), blob);
    else left += 1;
  }
  save(zip.blob(), "facepipe-pictures.zip");
  tell(said, left > 0 ? say("save.left-out", { n: left }) : say("save.done"));
}
