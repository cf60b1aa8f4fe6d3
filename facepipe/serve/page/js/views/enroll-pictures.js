/** Enrolment from picture files, with what is wrong with each of them. */

import * as api from "../api.js";
import { chooseFace } from "../choose-face.js";
import { enrollAs } from "../conflict.js";
import { add, fill, h } from "../dom.js";
import { PersonForm } from "../form.js";
import { say, sayError, sayProblem } from "../i18n.js";
import { icon } from "../icons.js";
import { dropPictures, pictureButton, sayDrop } from "../picker.js";
import { centreOf, faceOf, prepare } from "../pictures.js";

const MOST = 20; // pictures in one request

export function enrollFromPictures(place, { signal, done }) {
  return new Pictures(place, signal, done);
}

class Pictures {
  #items = []; // {shot | null, problem: phrase | null, faces, chosen: which of them, node}

  constructor(place, signal, done) {
    Object.assign(this, { signal, done });
    this.form = new PersonForm({
      onsubmit: (name, consent) => this.#enroll(name, consent),
      wanting: "missing.pictures",
      signal,
    });
    this.list = h("ul.pictures");
    this.limit = h("p.soft");
    const choose = pictureButton({
      onpictures: (files) => this.#take(files),
      multiple: true,
      label: say("picture.choose-some"),
      kind: "button.primary",
    });
    const zone = h("div.zone", icon("picture"), h("h2", sayDrop("enroll.drop")), h("p", say("enroll.drop.how")), choose);
    dropPictures(zone, (files) => this.#take(files), signal);
    add(
      place,
      h(
        "div.split.wide",
        h("section.looking", { "aria-label": say("enroll.pictures") }, zone, this.limit, this.list),
        h("section.side.card", { "aria-label": say("enroll.who") }, this.form.node),
      ),
    );
  }

  #take(files) {
    const room = MOST - this.#items.length;
    fill(this.limit, files.length > room ? say("enroll.too-many", { most: MOST }) : null);
    for (const file of files.slice(0, room)) this.#add(file);
  }

  async #add(file) {
    const item = { shot: null, problem: null, faces: [], chosen: undefined, node: h("li.picture.waiting") };
    this.#items.push(item);
    this.list.append(item.node);
    this.#render(item, file.name);
    try {
      const shot = await prepare(file);
      const { faces, size } = await api.detect(shot.blob, this.signal);
      Object.assign(item, { shot: { ...shot, size }, faces });
      if (faces.length === 0) item.problem = say("error.no-face");
      else if (faces.length === 1) item.chosen = 0;
    } catch (error) {
      if (error.name === "AbortError") return;
      item.problem = sayError(error);
    }
    this.#render(item, file.name);
    this.#ready();
  }

  /** Several faces: one of them is meant. */
  async #choose(item) {
    item.chosen = (await chooseFace(item.shot, item.faces)) ?? item.chosen;
    this.#render(item, item.shot.name);
    this.#ready();
    item.node.querySelector(".which")?.focus();
  }

  #render(item, name) {
    const state = stateOf(item);
    item.node.className = `picture ${state}`;
    const remove = h(
      "button.round.small",
      { icon: "close", on: { click: () => this.#remove(item) } },
      h("span.visually-hidden", say("picture.remove", { name })),
    );
    const which = h(
      "button.small.which",
      { on: { click: () => this.#choose(item) } },
      say(item.chosen === undefined ? "slot.choose" : "slot.another"),
    );
    fill(
      item.node,
      faceIn(item),
      h("p.picture-name", { title: name }, name),
      h("p.picture-state", SIGNS[state] ? icon(SIGNS[state]) : null, item.problem ?? stateWords(item, state)),
      item.problem === null && item.faces.length > 1 ? which : null,
      remove,
    );
  }

  #remove(item) {
    this.#items = this.#items.filter((other) => other !== item);
    item.node.remove();
    this.limit.replaceChildren();
    this.#ready();
  }

  #good() {
    return this.#items.filter((item) => stateOf(item) === "fine");
  }

  #ready() {
    this.form.ready = this.#good().length > 0;
  }

  async #enroll(name, consent) {
    const good = this.#good();
    const faces = good.map((item) => () => faceIn(item, 128));
    let sent = good;
    const run = ({ name: chosen, anyway, kept }) => {
      sent = kept.map((index) => good[index]);
      const images = sent.map(({ shot }) => shot.blob);
      const at = sent.map((item) => centreOf(boxOf(item))).join(";");
      return api.enroll({ name: chosen, anyway, consent, images, at });
    };
    let answer;
    try {
      answer = await enrollAs(name, run, faces);
    } catch (error) {
      for (const { image, problems } of error.details?.details ?? []) this.#refuse(sent[image], sayProblem(problems[0]));
      this.#ready();
      throw error;
    }
    if (answer === undefined) return;
    for (const [index, { problems }] of answer.references.entries())
      if (problems.length > 0) this.#refuse(sent[index], sayProblem(problems[0]));
    for (const item of good) if (!sent.includes(item)) this.#refuse(item, say("picture.unlike"));
    const taken = sent.filter(({ problem }) => problem === null);
    this.done(
      answer.person,
      taken.map((item) => faceIn(item, 128)),
      this.#items.filter((item) => !taken.includes(item)).map(({ node }) => node),
    );
  }

  /** Put beside the picture what is wrong with it. */
  #refuse(item, problem) {
    item.problem = problem;
    this.#render(item, item.shot.name);
  }
}

const SIGNS = { refused: "warn", fine: "check", several: "unknown" };

function stateOf({ problem, shot, chosen }) {
  if (problem !== null) return "refused";
  if (shot === null) return "waiting";
  return chosen === undefined ? "several" : "fine";
}

function stateWords({ faces, chosen }, state) {
  if (state === "waiting") return say("picture.looking");
  if (state === "several") return say("slot.several", { n: faces.length });
  return faces.length > 1 ? say("picture.fine.face", { n: chosen + 1 }) : say("picture.fine");
}

const boxOf = ({ faces, chosen }) => faces[chosen].box;

function faceIn(item, side) {
  if (item.chosen !== undefined) return faceOf(item.shot.blob, boxOf(item), side);
  return item.shot ? whole(item.shot) : h("span.face-picture.blank");
}

function whole({ blob }) {
  const image = h("img.face-picture", { src: URL.createObjectURL(blob), alt: "" });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  return image;
}
