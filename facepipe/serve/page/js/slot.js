/** A place for one face to look into: from a picture, the camera, or a person's reference. */

import * as api from "./api.js";
import { Camera, CameraProblem } from "./camera.js";
import { chooseFace } from "./choose-face.js";
import { openDialog } from "./dialog.js";
import { add, fill, h } from "./dom.js";
import { say, sayError } from "./i18n.js";
import { icon } from "./icons.js";
import { askPerson } from "./merge.js";
import { dropPictures, pictureButton, sayDrop } from "./picker.js";
import { centreOf, faceOf, prepare } from "./pictures.js";

export class FaceSlot {
  #subject = null; // {picture, box} or {reference}
  #turn = 0;
  filled = false;

  constructor({ label, signal, change, optional = false }) {
    Object.assign(this, { signal, optional });
    this.place = h("div.slot-place");
    this.node = h("section.slot.card", { "aria-label": label }, h("h2", label), this.place);
    dropPictures(this.node, ([file]) => this.#picture(file), signal);
    this.#empty();
    this.change = change; // from now on
  }

  /** Whether there is a face that can be looked into. */
  get ready() {
    return this.#subject !== null;
  }

  /** What the API takes for it; `prefix` "" for the first, "other" for the second. */
  fields(prefix) {
    const { picture, box, reference } = this.#subject;
    const name = (field) => (prefix === "" ? field : field === "image" ? prefix : `${prefix}_${field}`);
    if (reference) return { [name("reference")]: reference.id };
    return { [name("image")]: picture.blob, [name("at")]: centreOf(box) };
  }

  set(subject) {
    this.#turn += 1;
    this.#subject = subject;
    this.filled = true;
    const { picture, box, reference } = subject;
    const face = reference
      ? h("img.face-picture", { src: api.pictureOf(reference.id), alt: "" })
      : faceOf(picture.blob, box, 240);
    fill(this.place, h("div.slot-face", face, reference ? h("p", reference.name) : null), this.#clear());
    this.change();
  }

  #clear() {
    return h("button.quiet.small", { icon: "swap", on: { click: () => this.#empty() } }, say("slot.clear"));
  }

  #empty(error = null) {
    this.#turn += 1;
    this.#subject = null;
    this.filled = false;
    fill(
      this.place,
      h("p.soft", this.optional ? say("slot.optional") : sayDrop("slot.how")),
      h(
        "div.actions",
        pictureButton({ onpictures: ([file]) => this.#picture(file) }),
        h("button", { icon: "camera", on: { click: () => this.#camera() } }, say("slot.camera")),
        h("button", { icon: "people", on: { click: () => this.#person() } }, say("slot.person")),
      ),
      error === null ? null : h("p.failure", { role: "alert" }, sayError(error)),
    );
    this.change?.();
  }

  async #picture(file) {
    const turn = ++this.#turn;
    this.filled = true;
    this.#subject = null;
    fill(this.place, h("p.soft", { role: "status" }, say("picture.looking")));
    this.change();
    try {
      const picture = await prepare(file);
      const { faces, size } = await api.detect(picture.blob, this.signal);
      if (turn !== this.#turn) return;
      if (faces.length === 0) this.#empty({ code: "no-face" });
      else if (faces.length === 1) this.set({ picture, box: faces[0].box });
      else await this.#choose({ ...picture, size }, faces);
    } catch (error) {
      if (turn === this.#turn && error.name !== "AbortError") this.#empty(error);
    }
  }

  /** Several faces in the picture: one is chosen. */
  async #choose(picture, faces) {
    const turn = this.#turn;
    const ask = async () => {
      const index = await chooseFace(picture, faces);
      if (index !== undefined && turn === this.#turn) this.set({ picture, box: faces[index].box });
    };
    const again = h("button", { icon: "enroll", on: { click: ask } }, say("slot.choose"));
    fill(this.place, h("p", say("slot.several", { n: faces.length })), again, this.#clear());
    await ask();
  }

  async #person() {
    const person = await askPerson({ title: say("slot.person") });
    if (person?.picture) this.set({ reference: { id: person.picture, name: person.name } });
  }

  async #camera() {
    const shot = await openDialog({ title: say("slot.camera"), body: (close) => [shutter(close)] });
    if (shot instanceof CameraProblem) this.#empty({ code: `camera-${shot.code}` });
    else if (shot) this.#picture(new File([shot.blob], "camera.jpg", { type: "image/jpeg" }));
  }
}

/** The camera with a button that takes a picture. */
function shutter(close) {
  const video = h("video", { playsinline: true });
  video.muted = true;
  const node = h("div.shutter", h("div.stage", video));
  Camera.open(video).then(
    (camera) => {
      video.classList.toggle("mirrored", camera.mirrored);
      const take = h(
        "button.primary.large",
        { on: { click: async () => close(await camera.grab(1280)) } },
        icon("camera"),
        say("slot.take"),
      );
      add(node, h("div.actions.centred", take));
      take.focus();
      node.closest("dialog").addEventListener("close", () => camera.stop());
      if (!node.isConnected) camera.stop();
    },
    (problem) => close(problem),
  );
  return node;
}
