/** Enrolment from picture files, with what is wrong with each of them. */

import * as api from "../api.js";
import { enrolAs } from "../conflict.js";
import { add, fill, h } from "../dom.js";
import { PersonForm } from "../form.js";
import { say, sayError, sayProblem } from "../i18n.js";
import { icon } from "../icons.js";
import { dropPictures, pictureButton, sayDrop } from "../picker.js";
import { faceOf, prepare } from "../pictures.js";

const MOST = 20; // pictures in one request

export function enrolFromPictures(place, { signal, done }) {
  return new Pictures(place, signal, done);
}

class Pictures {
  #items = []; // {shot | null, problem: phrase | null, face: box | null, node}

  constructor(place, signal, done) {
    Object.assign(this, { signal, done });
    this.form = new PersonForm({
      onsubmit: (name, consent) => this.#enrol(name, consent),
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
    const zone = h("div.zone", icon("picture"), h("h2", sayDrop("enrol.drop")), h("p", say("enrol.drop.how")), choose);
    dropPictures(zone, (files) => this.#take(files), signal);
    add(
      place,
      h(
        "div.split.wide",
        h("section.looking", { "aria-label": say("enrol.pictures") }, zone, this.limit, this.list),
        h("section.side.card", { "aria-label": say("enrol.who") }, this.form.node),
      ),
    );
  }

  #take(files) {
    const room = MOST - this.#items.length;
    fill(this.limit, files.length > room ? say("enrol.too-many", { most: MOST }) : null);
    for (const file of files.slice(0, room)) this.#add(file);
  }

  async #add(file) {
    const item = { shot: null, problem: null, node: h("li.picture.waiting") };
    this.#items.push(item);
    this.list.append(item.node);
    this.#render(item, file.name);
    try {
      const shot = await prepare(file);
      const { faces } = await api.detect(shot.blob, this.signal);
      item.shot = shot;
      if (faces.length === 0) item.problem = say("error.no-face");
      else if (faces.length > 1) item.problem = say("error.several-faces");
      else item.box = faces[0].box;
    } catch (error) {
      if (error.name === "AbortError") return;
      item.problem = sayError(error);
    }
    this.#render(item, file.name);
    this.#ready();
  }

  #render(item, name) {
    const waiting = item.shot === null && item.problem === null;
    item.node.className = `picture ${waiting ? "waiting" : item.problem ? "refused" : "fine"}`;
    const remove = h(
      "button.round.small",
      { icon: "close", on: { click: () => this.#remove(item) } },
      h("span.visually-hidden", say("picture.remove", { name })),
    );
    const face = item.box
      ? faceOf(item.shot.blob, item.box)
      : item.shot
        ? whole(item.shot)
        : h("span.face-picture.blank");
    const state = waiting ? say("picture.looking") : (item.problem ?? say("picture.fine"));
    fill(
      item.node,
      face,
      h("p.picture-name", { title: name }, name),
      h("p.picture-state", waiting ? null : icon(item.problem ? "warn" : "check"), state),
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
    return this.#items.filter(({ problem, shot }) => problem === null && shot !== null);
  }

  #ready() {
    this.form.ready = this.#good().length > 0;
  }

  async #enrol(name, consent) {
    const sent = this.#good();
    const images = sent.map(({ shot }) => shot.blob);
    let answer;
    try {
      answer = await enrolAs(name, (chosen, anyway) => api.enrol({ name: chosen, anyway, consent, images }));
    } catch (error) {
      for (const { image, problems } of error.details?.details ?? []) this.#refuse(sent[image], problems);
      this.#ready();
      throw error;
    }
    if (answer === undefined) return;
    for (const [index, { problems }] of answer.references.entries())
      if (problems.length > 0) this.#refuse(sent[index], problems);
    const taken = sent.filter(({ problem }) => problem === null);
    this.done(
      answer.person,
      taken.map(({ shot, box }) => faceOf(shot.blob, box, 128)),
      sent.filter(({ problem }) => problem !== null).map(({ node }) => node),
    );
  }

  /** Put what the server found beside the picture. */
  #refuse(item, [problem]) {
    item.problem = sayProblem(problem);
    this.#render(item, item.shot.name);
  }
}

function whole({ blob }) {
  const image = h("img.face-picture", { src: URL.createObjectURL(blob), alt: "" });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  return image;
}
