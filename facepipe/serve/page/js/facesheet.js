/** What can be done with one face that was clicked: see how it matches, enrol it, look inside, go to the person. */

import * as api from "./api.js";
import { enrolAs } from "./conflict.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { matchOf, meter, nameOf, oddsOf, percent, score, statusOf } from "./faces.js";
import { PersonForm } from "./form.js";
import { say, sayError } from "./i18n.js";
import { icon } from "./icons.js";
import { toast } from "./notices.js";
import { centreOf, faceOf } from "./pictures.js";
import { can } from "./session.js";
import { lookInside } from "./views/inspect.js";

/**
 * `face` as the server told it, in `shot` {blob, size}. `enrolled()` is called when it was enrolled. Resolves when the
 * sheet is closed.
 */
export function openFace(face, shot, enrolled) {
  const over = new AbortController();
  const body = (close) => {
    const actions = h("div.actions.stacked");
    const done = () => (close(), enrolled());
    const enrolForm = () => fill(actions, formFor(face, shot, done, over.signal).node);
    fill(
      actions,
      face.name === null
        ? null
        : h(
            "button.primary",
            { icon: "people", on: { click: () => goTo(face.name, close) } },
            say("face.open", { name: face.name }),
          ),
      can("enrol")
        ? h(
            face.name === null ? "button.primary" : "button",
            { icon: "enrol", on: { click: enrolForm } },
            say(face.name === null ? "face.enrol" : "face.add"),
          )
        : h("p.soft", say("scope.enrol")),
      h(
        "button",
        { icon: "inspect", on: { click: () => lookInside({ picture: shot, box: face.box }) } },
        say("face.inspect"),
      ),
    );
    return [h("div.face-sheet", faceOf(shot.blob, face.box, 320), words(face)), actions];
  };
  return openDialog({ title: nameOf(face), body }).finally(() => over.abort());
}

function words(face) {
  const status = statusOf(face);
  const match = matchOf(face);
  const bar = meter();
  bar.update(match, face.threshold, status);
  const odds = oddsOf(face);
  const nearest = (face.candidates ?? []).map(({ person, probability, score: value }) =>
    h(
      "li",
      h("span", person),
      odds === null ? null : h("span.figures", percent(probability)),
      h("span.figures.soft", score(value)),
    ),
  );
  return h(
    "div.face-facts",
    h(
      "p.status",
      { "data-status": status },
      icon({ known: "check", unknown: "unknown", looking: "looking" }[status]),
      status === "known" && odds !== null
        ? say("face.odds", { percent: percent(odds), name: face.name })
        : say(`face.${status}.long`),
    ),
    bar.node,
    h("p.soft", match === null ? say("face.nobody") : say("face.threshold", { threshold: score(face.threshold) })),
    nearest.length > 0 ? h("h3", say("face.nearest")) : null,
    nearest.length > 0 ? h("ol.nearest", nearest) : null,
    odds === null ? null : h("p.soft", say("face.odds.how")),
  );
}

function formFor(face, shot, done, signal) {
  const about = { images: [shot.blob], at: centreOf(face.box) };
  const onsubmit = async (typed, consent) => {
    const answer = await enrolAs(typed, (name, anyway) => api.enrol({ name, anyway, consent, ...about }));
    if (answer === undefined) return;
    done();
    toast(say("enrolled", { name: answer.person.name, n: answer.person.references }));
  };
  const form = new PersonForm({ onsubmit, signal });
  form.ready = true;
  if (face.name !== null) form.person = face.name;
  queueMicrotask(() => form.name.input.focus());
  return form;
}

/** Go to the page of the person called `name`. */
async function goTo(name, close) {
  try {
    const { people } = await api.people({ search: name, limit: 50 });
    const found = people.find((person) => person.name === name);
    window.location.hash = found ? `#people/${found.id}` : "#people";
  } catch (error) {
    close();
    toast(sayError(error));
  }
}
