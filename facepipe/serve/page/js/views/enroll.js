/** Enrol a person, with the camera or from pictures. */

import { add, fill, h } from "../dom.js";
import { say } from "../i18n.js";
import { icon } from "../icons.js";
import { can } from "../session.js";
import { enrollFromCamera } from "./enroll-camera.js";
import { enrollFromPictures } from "./enroll-pictures.js";

export const title = "nav.enroll";

const WAYS = { camera: enrollFromCamera, pictures: enrollFromPictures };

export function mount(main, { signal }) {
  const head = h("div.head", h("div", h("h1", say("enroll.title")), h("p.lead", say("enroll.lead"))));
  if (!can("enroll")) {
    add(main, head, h("p.notice", icon("lock"), say("scope.enroll")));
    return;
  }
  const place = h("div.way");
  let way = null; // ends the present way
  const buttons = Object.keys(WAYS).map((name) =>
    h(
      "button",
      { icon: name === "camera" ? "camera" : "picture", "aria-pressed": "false", on: { click: () => start(name) } },
      say(`enroll.${name}`),
    ),
  );

  function start(name) {
    way?.abort();
    way = new AbortController();
    place.replaceChildren();
    for (const [index, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(Object.keys(WAYS)[index] === name));
    }
    const done = (person, pictures, leftOut = []) => finish(name, person, pictures, leftOut);
    WAYS[name](place, { signal: way.signal, done, usePictures: () => start("pictures") });
  }

  function finish(name, person, pictures, leftOut) {
    way.abort();
    fill(
      place,
      h(
        "section.enrolled",
        { tabindex: "-1" },
        h("div.enrolled-faces", pictures),
        h("h2", icon("check"), say("enroll.done", { name: person.name })),
        h("p.soft", say("enroll.done.references", { n: person.references })),
        leftOut.length > 0 ? h("p.soft", say("enroll.left-out", { n: leftOut.length })) : null,
        h("ul.pictures", leftOut),
        h(
          "div.actions",
          h("a.button.primary", { href: "#recognise" }, say("enroll.try")),
          h("a.button", { href: `#people/${person.id}` }, say("face.open", { name: person.name })),
          h("button", { on: { click: () => start(name) } }, say("enroll.another")),
        ),
      ),
    );
    place.firstElementChild.focus();
  }

  signal.addEventListener("abort", () => way?.abort());
  head.classList.add("beside");
  head.append(h("div.segments", { role: "group", "aria-label": say("enroll.way") }, buttons));
  add(main, head, place);
  start("camera");
}
