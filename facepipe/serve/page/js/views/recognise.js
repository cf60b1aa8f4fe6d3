/** Who is in front of the camera, or in a picture. */

import * as api from "../api.js";
import { add, fill, h, tell } from "../dom.js";
import { FaceCard, labelsOf, nameOf, statusOf, whoOf } from "../faces.js";
import { openFace } from "../facesheet.js";
import { say, sayError } from "../i18n.js";
import { openLive } from "../link.js";
import { Overlay } from "../overlay.js";
import { dropPictures, pictureButton, sayDrop } from "../picker.js";
import { prepare } from "../pictures.js";
import { shelf } from "../shelf.js";
import { ShelfList } from "../shelf-list.js";
import { Stage } from "../stage.js";
import { lookInside } from "./inspect.js";

const SIDE = 640; // px of a frame's longer side: enough for faces at arm's length, quick to send
const SETTLED = 900; // ms that the people in view stay the same before they are read out

export const title = "nav.recognise";

export function mount(main, { signal }) {
  return new Recognise(main, signal);
}

class Recognise {
  #cards = new Map(); // track -> FaceCard
  #latest = null; // {faces, shot} as answered last
  #announced = "";
  #item = null; // the picture that is shown instead of the camera's
  #shot = null; // that picture, as it is seen

  constructor(main, signal) {
    this.signal = signal;
    this.stage = new Stage({ onstart: (camera) => this.#live(camera), onstop: () => this.#ended(), signal });
    this.overlay = new Overlay(this.stage);
    this.figures = h("p.figures");
    this.stage.node.append(this.figures);
    this.stop = h(
      "button",
      { icon: "stop", hidden: true, on: { click: () => (this.stage.stop(), this.stage.invite()) } },
      say("camera.stop"),
    );
    this.back = h(
      "button",
      { icon: "camera", hidden: true, on: { click: () => (this.#leave(), this.stage.start()) } },
      say("camera.back"),
    );
    this.inside = h(
      "button",
      { icon: "inspect", hidden: true, on: { click: () => this.#inspect() } },
      say("face.inspect"),
    );
    this.list = h("ul.faces");
    this.note = h("div.note");
    this.invite = h(
      "div.invite",
      { hidden: true },
      h("p", say("recognise.nobody")),
      h("a.button", { href: "#enroll" }, say("people.first")),
    );
    this.spoken = h("p.visually-hidden", { "aria-live": "polite" });
    this.shelf = new ShelfList({ onchoose: (item) => this.#choose(item), signal });
    const take = (files) => this.#choose(shelf.add(files)[0]);
    const choose = pictureButton({ onpictures: take, multiple: true, label: say("picture.choose-some") });
    add(
      main,
      h("div.head", h("h1", say("nav.recognise")), h("p.lead", sayDrop("recognise.lead"))),
      h(
        "div.split",
        h(
          "section.looking",
          { "aria-label": say("stage") },
          this.stage.node,
          h("div.bar", this.stop, this.back, choose, this.inside),
        ),
        this.shelf.node,
        h(
          "section.side",
          { "aria-labelledby": "in-view" },
          h("h2", { id: "in-view" }, say("recognise.in-view")),
          this.invite, // above what comes and goes: a click on what moved away is none
          this.list,
          this.note,
          this.spoken,
        ),
      ),
    );
    this.stage.canvas.addEventListener("click", (event) => this.#clicked(event));
    this.stage.canvas.addEventListener("pointermove", (event) => this.#pointed(event));
    document.addEventListener("language", () => this.#latest && this.#show(this.#latest.faces, this.#latest.shot), {
      signal,
    });
    dropPictures(main, take, signal);
    shelf.addEventListener("change", ({ detail }) => detail === this.#item && this.#tell(), { signal });
    this.#begin();
    this.#checkGallery();
  }

  /** With the pictures that are there from before, else with the camera. */
  #begin() {
    const invitation = { icon: "recognise", title: say("recognise.start"), text: say("recognise.start.how") };
    if (shelf.items.length === 0) {
      this.stage.begin(invitation);
      this.#idle();
    } else {
      this.stage.invitation = invitation;
      this.#choose(shelf.first ?? shelf.items[0]);
    }
  }

  #live(camera) {
    this.stop.hidden = false;
    this.back.hidden = true;
    this.#leave();
    this.camera = camera;
    const grab = (hello) => camera.grab(Math.min(SIDE, hello.max_side), hello.max_bytes);
    this.link = openLive({ mode: "recognise" }, grab, {
      frame: (detail) => this.#frame(detail),
      message: ({ error }) => error && this.#idle(sayError(error)),
      lost: () => (this.#clear(), this.#idle("recognise.lost")),
    });
  }

  #ended() {
    this.link?.close();
    this.link = null;
    this.stop.hidden = true;
    this.#clear();
    this.#idle();
  }

  #frame({ message, shot, latency }) {
    const now = performance.now();
    this.pace = 0.9 * (this.pace ?? now - (this.before ?? now - 100)) + 0.1 * (now - (this.before ?? now - 100));
    this.before = now;
    this.latency = 0.9 * (this.latency ?? latency) + 0.1 * latency;
    tell(
      this.figures,
      say("recognise.figures", { latency: Math.round(this.latency), fps: (1000 / this.pace).toFixed(0) }),
    );
    this.#show(
      message.faces.map((face) => ({ ...face, key: face.track })),
      shot,
    );
    this.inside.hidden = message.faces.length === 0;
    if (message.faces.length === 0) this.#idle("recognise.no-face");
  }

  /** A picture instead of the camera; null: none any longer. */
  async #choose(item) {
    [this.#item, this.#shot, shelf.first] = [item, null, item];
    this.shelf.choose(item);
    this.stage.stop();
    this.#clear();
    this.back.hidden = item === null;
    if (item === null) return (this.stage.invite(), this.#idle());
    this.#idle("working");
    this.stage.say("picture", item.path, say("working"));
    const shot = await prepare(item.file).catch(() => ({ size: null })); // why is the item's to say
    if (item !== this.#item) return; // another one was chosen, or the camera started
    if (shot.size !== null) await this.stage.show(shot);
    if (item !== this.#item) return;
    this.#shot = shot;
    this.#tell();
  }

  /** What was found in the picture that is shown, as soon as both are there. */
  #tell() {
    const { state, error, faces, size, path } = this.#item;
    const shot = this.#shot;
    if (shot === null) return;
    if (state === "failed") {
      this.#clear();
      this.#idle("recognise.off.picture");
      this.stage.say("warn", path, h("span.failure", { role: "alert" }, sayError(error)));
    } else if (state !== "done") this.#idle("working");
    else {
      if (shot.size === null) this.stage.say("picture", path, say("picture.not-shown"));
      else this.stage.uncover();
      this.#show(faces, { ...shot, size });
      this.inside.hidden = faces.length === 0;
      if (faces.length === 0) this.#idle("recognise.no-face.picture");
    }
  }

  #leave() {
    [this.#item, this.#shot] = [null, null];
    this.shelf.choose(null);
    this.#clear();
    this.#idle("recognise.opening");
  }

  #open(face, shot) {
    const item = this.#item;
    openFace(face, shot, () => {
      this.invite.hidden = true;
      if (item !== null) shelf.again([item]);
    });
  }

  /** Nothing is seen any longer: take away whatever tells of it. */
  #clear() {
    this.#latest = null;
    this.inside.hidden = true;
    this.pace = this.before = this.latency = undefined;
    tell(this.figures, "");
    this.overlay.clear();
    this.#list([], null);
    clearTimeout(this.saying);
    this.#announced = "";
    tell(this.spoken, "");
  }

  #show(faces, shot) {
    this.#latest = { faces, shot };
    const order = faces.map(({ key }) => key).sort((a, b) => a - b);
    this.overlay.show(
      faces.map((face) => ({
        key: face.key,
        box: face.box,
        status: statusOf(face),
        texts: labelsOf(face, face.number),
        mark: face.number || String(order.indexOf(face.key) + 1),
      })),
      shot.size,
    );
    const number = ({ key }) => (this.overlay.numbered ? String(order.indexOf(key) + 1) : "");
    this.#list(
      faces.map((face) => ({ ...face, number: face.number || number(face) })),
      shot,
    );
    this.#announce(faces);
  }

  #list(faces, shot) {
    const keys = new Set(faces.map(({ key }) => key));
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.node.remove();
      this.#cards.delete(key);
    }
    for (const face of faces) {
      const card = this.#cards.get(face.key) ?? new FaceCard((clicked, seen) => this.#open(clicked, seen));
      if (!this.#cards.has(face.key)) this.list.append(card.node);
      this.#cards.set(face.key, card);
      card.update(face, shot);
    }
    if (faces.length > 0) this.note.replaceChildren();
  }

  /** What stands in the list's place while it is empty. */
  #idle(key = "recognise.off") {
    const said = typeof key === "string" ? say(key) : key;
    if (this.idle === String(key) && this.note.childElementCount > 0) return;
    this.idle = String(key);
    fill(this.note, h("p.soft", said));
  }

  async #checkGallery() {
    try {
      this.invite.hidden = (await api.people({ limit: 1 }, this.signal)).total > 0;
    } catch {
      // said where it matters: the next request fails too
    }
  }

  #announce(faces) {
    const words = faces
      .map((face) => String(this.#item === null ? nameOf(face) : whoOf(face))) // of the camera it changes too often
      .sort()
      .join(", ");
    if (words === this.#announced) return;
    this.#announced = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => tell(this.spoken, words), SETTLED);
  }

  #inspect() {
    const [face] = this.#latest.faces;
    lookInside({ picture: this.#latest.shot, box: face.box });
  }

  #clicked({ clientX, clientY }) {
    const found = this.overlay.at(clientX, clientY);
    const face = this.#latest?.faces.find(({ key }) => key === found?.key);
    if (face) this.#open(face, this.#latest.shot);
  }

  #pointed({ clientX, clientY }) {
    this.stage.canvas.classList.toggle("over-face", this.overlay.at(clientX, clientY) !== undefined);
  }
}
