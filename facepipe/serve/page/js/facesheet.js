/** What can be done with one face that was clicked: see how it matches, enrol it, look inside, go to the person. */

import * as api from "./api.js";
import { enrollAs } from "./conflict.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { ICONS, guessOf, matchOf, meter, nameOf, oddsOf, percent, score, statusOf } from "./faces.js";
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
    const enrollForm = (name) => fill(actions, formFor(face, shot, { name, done, signal: over.signal }).node);
    fill(
      actions,
      face.name === null ? null : goButton(face.name, close),
      can("enroll") ? enrollButtons(face, enrollForm) : h("p.soft", say("scope.enroll")),
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

const goButton = (name, close) =>
  h("button.primary", { icon: "people", on: { click: () => goTo(name, close) } }, say("face.open", { name }));

/** To say who it is: of somebody unknown first that it is who it may be. */
function enrollButtons(face, enrollForm) {
  const guess = guessOf(face);
  const button = (kind, name, icon, label) => h(kind, { icon, on: { click: () => enrollForm(name) } }, label);
  if (face.name !== null) return button("button", face.name, "enroll", say("face.add"));
  if (guess === null) return button("button.primary", "", "enroll", say("face.enroll"));
  return [
    button("button.primary", guess.person, "check", say("face.guess.yes", { name: guess.person })),
    button("button", "", "enroll", say("face.enroll.other")),
  ];
}

function words(face) {
  const status = statusOf(face);
  const odds = oddsOf(face);
  const candidates = face.candidates ?? [];
  const likely = candidates.map(({ person, probability }) =>
    h("li", h("span", person), h("span.figures", percent(probability))),
  );
  return h(
    "div.face-facts",
    h("p.status", { "data-status": status }, icon(ICONS[status]), statusWords(face, status)),
    candidates.length > 0 && odds !== null
      ? [h("h3", say("face.nearest")), h("ol.nearest", likely), h("p.soft", say("face.odds.how"))]
      : null,
    odds === null ? scores(face, status) : h("details.fold", h("summary", say("face.scores")), scores(face, status)),
  );
}

function statusWords(face, status) {
  const [odds, guess] = [oddsOf(face), guessOf(face)];
  if (status === "known" && odds !== null) return say("face.odds", { percent: percent(odds), name: face.name });
  if (guess === null) return say(`face.${status}.long`);
  return say("face.unknown.guess.long", { name: guess.person, percent: percent(guess.probability) });
}

/** For who looks closer: the cosines, and the threshold that they are held against. */
function scores(face, status) {
  const match = matchOf(face);
  if (match === null) return [h("p.soft", say("face.nobody"))];
  const bar = meter();
  bar.update(match, face.threshold, status);
  const list = (face.candidates ?? []).map(({ person, score: value }) =>
    h("li", h("span", person), h("span.figures.soft", score(value))),
  );
  return [bar.node, h("p.soft", say("face.threshold", { threshold: score(face.threshold) })), h("ol.nearest", list)];
}

function formFor(face, shot, { name: known, done, signal }) {
  const about = { images: [shot.blob], at: centreOf(face.box) };
  const onsubmit = async (typed, consent) => {
    const answer = await enrollAs(typed, ({ name, anyway }) => api.enroll({ name, anyway, consent, ...about }));
    if (answer === undefined) return;
    done();
    toast(say("enrolled", { name: answer.person.name, n: answer.person.references }));
  };
  const form = new PersonForm({ onsubmit, signal });
  form.ready = true;
  if (known !== "") form.person = known;
  queueMicrotask(() => (known === "" ? form.name.input : form.tick).focus());
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
