/** Guided enrolment: the server says what to do and takes the good shots, the page shows both. */

import { ApiError } from "../api.js";
import { enrollAs } from "../conflict.js";
import { add, fill, h } from "../dom.js";
import { PersonForm } from "../form.js";
import { say } from "../i18n.js";
import { icon } from "../icons.js";
import { openLive } from "../link.js";
import { faceOf } from "../pictures.js";
import { drawRing } from "../ring.js";
import { Stage } from "../stage.js";

const SHOTS = 5;
const SIDE = 960; // px of a frame's longer side: templates are made from these
const STEADY = 500; // ms that a hint stays, so that it can be read
const KEEP_ALIVE = 8000; // ms between frames when all shots are taken, so that the server does not forget them
const ARROWS = {
  "turn-left": ["left", "right"],
  "turn-right": ["right", "left"],
  "look-up": ["up", "up"],
  "look-down": ["down", "down"],
};
const POSES = new Set([...Object.keys(ARROWS), "look-ahead", "hold-still"]);

const pictureOf = ({ blob, box }) => faceOf(blob, box, 192);

export function enrollFromCamera(place, { signal, done, usePictures }) {
  return new Guided(place, { signal, done, usePictures });
}

class Guided {
  #shots = []; // {blob, box} of each shot taken
  #hint = null;
  #hinted = 0;
  #last = null; // the shot sent last
  #answer = null;

  constructor(place, { signal, done, usePictures }) {
    this.done = done;
    this.stage = new Stage({ onstart: (camera) => this.#begin(camera), onstop: () => this.#pause(), signal });
    this.hint = h("p.hint", { "aria-live": "polite", "aria-atomic": "true" });
    this.offers = new Offers((type) => this.link?.send({ type }));
    this.slots = h("div.shots", { role: "progressbar", "aria-label": say("enroll.shots"), "aria-valuemin": 0 });
    this.form = new PersonForm({ onsubmit: (name, consent) => this.#enroll(name, consent), signal });
    this.again = h(
      "button.quiet.small",
      { icon: "swap", hidden: true, on: { click: () => this.#restart() } },
      say("enroll.again"),
    );
    add(
      place,
      h(
        "div.split",
        h("section.looking", { "aria-label": say("stage") }, this.stage.node, this.hint, this.offers.node),
        h(
          "section.side.card",
          { "aria-label": say("enroll.who") },
          h("div.shots-row", this.slots, this.again),
          this.form.node,
        ),
      ),
    );
    this.#progress(0, SHOTS);
    signal.addEventListener("abort", () => this.#close());
    const invitation = {
      icon: "enroll",
      title: say("enroll.start"),
      text: say("enroll.start.how"),
      actions: () => [h("button", { icon: "picture", on: { click: usePictures } }, say("enroll.use-pictures"))],
    };
    this.stage.begin(invitation);
  }

  #begin(camera) {
    this.finished = false;
    const grab = async (hello) => {
      if (this.finished) return this.#last && { ...this.#last, pause: KEEP_ALIVE };
      this.#last = (await camera.grab(Math.min(SIDE, hello.max_side), hello.max_bytes)) ?? this.#last;
      return this.#last;
    };
    this.#close();
    this.link = openLive({ mode: "enroll", shots: SHOTS }, grab, {
      open: () => this.#reset(),
      frame: (detail) => this.#frame(detail),
      message: (message) => this.#message(message),
      lost: () => this.#lost(),
    });
  }

  /** The camera went off: before all shots are taken the guidance starts over with it. */
  #pause() {
    if (this.finished) return;
    this.#close();
    this.#reset();
    this.hint.replaceChildren();
  }

  #close() {
    this.link?.close();
    this.link = null;
  }

  #reset() {
    if (this.finished) return;
    this.offers.update(null);
    this.#shots = [];
    this.#progress(0, SHOTS);
    this.form.ready = false;
  }

  #lost() {
    const waiting = this.#answer;
    this.#answer = null;
    waiting?.reject(new ApiError({ code: "connection-lost", message: "The connection was lost." }));
    if (this.finished) this.#restart(); // the shots were on the server's side of it
  }

  #restart() {
    this.finished = false;
    this.form.fail(null);
    this.#close();
    this.#reset();
    this.stage.start();
  }

  #frame({ message: { guidance, faces, size }, shot }) {
    if (this.finished) return;
    const [face] = faces;
    drawRing(this.stage, guidance, face?.box, size);
    this.offers.update(guidance);
    if (guidance.took && face) this.#shots.push({ blob: shot.blob, box: face.box });
    this.#progress(guidance.taken, guidance.wanted);
    this.#say(guidance.hint, guidance.message, guidance.took);
    if (guidance.done) this.#finish();
  }

  #finish() {
    this.finished = true;
    this.offers.update(null);
    this.stage.stop();
    this.hint.replaceChildren();
    const faces = h("div.taken-shots", this.#shots.map(pictureOf));
    this.stage.say(faces, say("enroll.all-taken"), say("enroll.all-taken.how"));
    this.again.hidden = false;
    this.form.ready = true;
    if (this.form.name.input.value === "") this.form.name.input.focus();
  }

  #progress(taken, wanted) {
    this.again.hidden = !this.finished;
    this.slots.setAttribute("aria-valuemax", wanted);
    this.slots.setAttribute("aria-valuenow", taken);
    if (this.slots.childElementCount === wanted && this.shown === taken) return;
    this.shown = taken;
    const slot = (index) =>
      h(
        index < taken ? "span.shot.taken" : "span.shot",
        this.#shots[index] ? pictureOf(this.#shots[index]) : String(index + 1),
      );
    fill(
      this.slots,
      Array.from({ length: wanted }, (_, index) => slot(index)),
    );
  }

  /** Show a hint, unless the one before was hardly read; a shot taken is said at once. */
  #say(code, fallback, now = false) {
    const time = performance.now();
    if (code === this.#hint || (!now && time - this.#hinted < STEADY)) return;
    [this.#hint, this.#hinted] = [code, time];
    const kind = code === "done" ? "good" : POSES.has(code) ? "pose" : "problem";
    this.hint.dataset.kind = kind;
    const arrow = ARROWS[code]?.[this.stage.mirrored ? 0 : 1];
    const sign = arrow ?? { good: "check", pose: "recognise", problem: "warn" }[kind];
    fill(this.hint, icon(sign), say(`hint.${code}`, { fallback }));
  }

  async #enroll(name, consent) {
    const run = ({ name: chosen, anyway }) => {
      this.link.send({ type: "enroll", name: chosen, consent, anyway });
      return new Promise((resolve, reject) => (this.#answer = { resolve, reject }));
    };
    const answer = await enrollAs(name, run);
    if (answer !== undefined) this.done(answer.person, this.#shots.map(pictureOf));
  }

  #message(message) {
    const waiting = this.#answer;
    if (waiting === null || message.frame !== undefined) {
      if (message.type === "error") this.form.fail(new ApiError(message.error));
      return;
    }
    this.#answer = null;
    if (message.type === "enrolled") waiting.resolve(message);
    else waiting.reject(new ApiError(message.error));
  }
}

/** What is offered to who does not get on, say because they cannot turn their head. */
class Offers {
  constructor(send) {
    const offer = (type) => h("button", { on: { click: () => send(type) } }, say(`enroll.${type}`));
    this.take = offer("take");
    this.enough = offer("enough");
    this.node = h(
      "div.offers",
      { role: "status", hidden: true },
      h("p.soft", say("enroll.stuck")),
      this.take,
      this.enough,
    );
  }

  /** By what the server said last; null: there is nothing to offer. */
  update(guidance) {
    this.node.hidden = !(guidance?.stuck && !guidance.done);
    this.enough.hidden = !guidance?.taken;
  }
}
