/** Enrol a person, with the camera or from pictures. */

import { add, fill, h } from "../dom.js";
import { say } from "../i18n.js";
import { icon } from "../icons.js";
import { can } from "../session.js";
import { enrolFromCamera } from "./enroll-camera.js";
import { enrolFromPictures } from "./enroll-pictures.js";

export const title = "nav.enrol";

const WAYS = { camera: enrolFromCamera, pictures: enrolFromPictures };

export function mount(main, { signal }) {
  const head = h("div.head", h("div", h("h1", say("enrol.title")), h("p.lead", say("enrol.lead"))));
  if (!can("enrol")) {
    add(main, head, h("p.notice", icon("lock"), say("scope.enrol")));
    return;
  }
  const place = h("div.way");
  let way = null; // ends the present way
  const buttons = Object.keys(WAYS).map((name) =>
    h(
      "button",
      { icon: name === "camera" ? "camera" : "picture", "aria-pressed": "false", on: { click: () => start(name) } },
      say(`enrol.${name}`),
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
        h("h2", icon("check"), say("enrol.done", { name: person.name })),
        h("p.soft", say("enrol.done.references", { n: person.references })),
        leftOut.length > 0 ? h("p.soft", say("enrol.left-out", { n: leftOut.length })) : null,
        h("ul.pictures", leftOut),
        h(
          "div.actions",
          h("a.button.primary", { href: "#recognise" }, say("enrol.try")),
          h("a.button", { href: `#people/${person.id}` }, say("face.open", { name: person.name })),
          h("button", { on: { click: () => start(name) } }, say("enrol.another")),
        ),
      ),
    );
    place.firstElementChild.focus();
  }

  signal.addEventListener("abort", () => way?.abort());
  head.classList.add("beside");
  head.append(h("div.segments", { role: "group", "aria-label": say("enrol.way") }, buttons));
  add(main, head, place);
  start("camera");
}
