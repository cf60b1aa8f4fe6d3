/** Where the camera's picture is seen: the video, what is drawn over it, and a cover with words until there is one. */

import { Camera, allowed } from "./camera.js";
import { add, fill, h } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";

const ICONS = { insecure: "lock", none: "camera", refused: "camera", taken: "camera", failed: "warn", gone: "camera" };

let inUse = false; // whether the visitor started the camera and did not stop it: then the next view opens it too

export class Stage {
  #turn = 0;

  /** `onstart(camera)` when pictures come, `onstop()` when they no longer do. `signal` ends everything. */
  constructor({ onstart, onstop, signal }) {
    Object.assign(this, { onstart, onstop, camera: null });
    this.video = h("video", { muted: true, playsinline: true, autoplay: true });
    this.video.muted = true;
    this.picture = h("img.still", { hidden: true, alt: say("stage.picture") });
    this.canvas = h("canvas.overlay", { "aria-hidden": "true" });
    this.cover = h("div.cover");
    this.corner = h("div.stage-corner");
    this.node = h("div.stage", this.video, this.picture, this.canvas, this.corner, this.cover);
    this.video.addEventListener("resize", () => this.#shape(this.video.videoWidth, this.video.videoHeight));
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  /** Start by itself where the visitor would expect it, else invite to. */
  async begin(invitation) {
    this.invitation = invitation;
    if (inUse || (await allowed())) await this.start();
    else this.invite();
  }

  invite() {
    inUse = false;
    this.say(this.invitation.icon, this.invitation.title, this.invitation.text, [
      h("button.primary", { icon: "camera", on: { click: () => this.start() } }, say("camera.start")),
      ...(this.invitation.actions?.() ?? []),
    ]);
  }

  async start(device) {
    const turn = ++this.#turn;
    this.#close();
    this.picture.hidden = true;
    this.video.hidden = false;
    this.say("camera", say("camera.asking"), say("camera.asking.how"));
    let camera;
    try {
      camera = await Camera.open(this.video, device);
    } catch (problem) {
      if (turn === this.#turn) this.#problem(problem.code);
      return;
    }
    if (turn !== this.#turn) return camera.stop(); // stopped, or started anew, while the browser was asking
    camera.onend = () => (this.stop(), this.#problem("gone"));
    inUse = true;
    if (document.hidden) {
      camera.stop();
      return this.#rest(camera.device);
    }
    this.camera = camera;
    this.video.classList.toggle("mirrored", camera.mirrored);
    this.#shape(this.video.videoWidth, this.video.videoHeight);
    this.uncover();
    this.onstart(camera);
    await this.#corner();
  }

  stop() {
    this.#turn += 1;
    this.#close();
  }

  /** Show a picture instead of the camera. */
  async show({ blob, size }) {
    this.stop();
    this.uncover();
    URL.revokeObjectURL(this.picture.src);
    this.picture.src = URL.createObjectURL(blob);
    this.picture.hidden = false;
    this.video.hidden = true;
    this.#shape(...size);
    await this.picture.decode().catch(() => undefined);
  }

  get mirrored() {
    return this.camera?.mirrored ?? false;
  }

  /** Cover the stage with a sign (an icon's name or a node), words and what can be done. */
  say(sign, title, text, actions = []) {
    fill(
      this.cover,
      typeof sign === "string" ? icon(sign) : sign,
      h("h2", title),
      text ? h("p", text) : null,
      h("div.actions", actions),
    );
    this.cover.hidden = false;
  }

  uncover() {
    this.cover.hidden = true;
    this.cover.replaceChildren();
  }

  #close() {
    if (this.camera === null) return;
    this.camera.stop();
    this.camera = null;
    this.corner.replaceChildren();
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.onstop();
  }

  #problem(code) {
    const again = h("button.primary", { on: { click: () => this.start() } }, say("again"));
    const actions = [code === "insecure" ? null : again, ...(this.invitation.actions?.() ?? [])];
    this.say(ICONS[code], say(`camera.${code}`), say(`camera.${code}.how`), actions);
  }

  /** The camera goes off while the page is hidden, and on again with it. */
  #visibility() {
    if (document.hidden && this.camera !== null) {
      const { device } = this.camera;
      this.stop();
      this.#rest(device);
    } else if (!document.hidden && this.resume !== undefined) {
      const device = this.resume;
      this.resume = undefined;
      this.start(device);
    }
  }

  #rest(device) {
    this.say("camera", say("camera.paused"), null);
    this.resume = device;
  }

  async #corner() {
    const cameras = await Camera.list();
    if (cameras.length < 2 || this.camera === null) return;
    const next = cameras[(cameras.findIndex(({ deviceId }) => deviceId === this.camera.device) + 1) % cameras.length];
    const swap = h("button.round", { icon: "swap", on: { click: () => this.start(next.deviceId) } });
    add(swap, h("span.visually-hidden", say("camera.other")));
    fill(this.corner, swap);
  }

  #shape(width, height) {
    if (width === 0) return;
    const ratio = Math.max(0.6, Math.min(2.2, width / height)); // or there is no room for words on the cover
    (this.node.closest(".split") ?? this.node).style.setProperty("--ratio", String(ratio));
  }
}
