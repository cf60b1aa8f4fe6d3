/** Look inside: one face through the layers of the network, or two compared. */

import * as api from "../api.js";
import { add, fill, h, tell } from "../dom.js";
import { currentLanguage, say, sayError } from "../i18n.js";
import { FaceSlot } from "../slot.js";

export const title = "nav.inspect";

let brought = null; // what another view wants looked into

/** Go to this view with a face: {picture: {blob, size}, box} or {reference: {id, name}}. */
export function lookInside(subject) {
  brought = subject;
  if (window.location.hash === "#inspect") window.dispatchEvent(new HashChangeEvent("hashchange"));
  else window.location.hash = "#inspect";
}

export function mount(main, { signal }) {
  return new Inspect(main, signal);
}

class Inspect {
  #running = null;

  constructor(main, signal) {
    this.signal = signal;
    const change = () => this.#changed();
    this.slots = [
      new FaceSlot({ label: say("inspect.first"), signal, change }),
      new FaceSlot({ label: say("inspect.second"), signal, change, optional: true }),
    ];
    this.go = h(
      "button.primary.large",
      { icon: "inspect", disabled: true, on: { click: () => this.#run() } },
      say("inspect.go"),
    );
    this.failure = h("p.failure", { role: "alert" });
    this.result = h("div.result");
    add(
      main,
      h("div.head", h("h1", say("nav.inspect")), h("p.lead", say("inspect.lead"))),
      h(
        "div.slots",
        this.slots.map(({ node }) => node),
      ),
      h("div.actions.centred", this.go),
      this.failure,
      this.result,
    );
    signal.addEventListener("abort", () => this.#running?.abort());
    document.addEventListener("language", () => this.#speak(), { signal });
    this.#take();
  }

  #take() {
    if (brought === null) return;
    const subject = brought;
    brought = null;
    this.slots[0].set(subject);
    this.#run();
  }

  #changed() {
    const [first, second] = this.slots;
    this.go.disabled = !first.ready || (second.filled && !second.ready);
    this.go.lastChild.remove();
    add(this.go, say(second.filled ? "inspect.compare" : "inspect.go"));
    tell(this.failure, "");
  }

  async #run() {
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    const [first, second] = this.slots;
    const fields = { ...first.fields(""), ...(second.filled ? second.fields("other") : {}) };
    this.go.disabled = true;
    tell(this.failure, "");
    const stop = this.#progress(second.filled ? "inspect.working.pair" : "inspect.working", running);
    try {
      this.#show(await api.inspect(fields, running.signal));
    } catch (error) {
      if (running !== this.#running) return;
      this.result.replaceChildren();
      if (error.name !== "AbortError") tell(this.failure, sayError(error));
    } finally {
      stop();
      if (running === this.#running) this.go.disabled = false;
    }
  }

  /** How long it takes, about, and how long it has taken: how far it is nobody knows. Returns what ends it. */
  #progress(words, running) {
    const clock = h("p.soft.figures", { "aria-hidden": "true" });
    const started = performance.now();
    const cancel = h("button.small", { on: { click: () => running.abort() } }, say("cancel"));
    fill(
      this.result,
      h(
        "div.progress",
        { role: "status" },
        h("p", say(words)),
        h("span.progress-track", { "aria-hidden": "true" }, h("span.progress-bar")),
        clock,
        cancel,
      ),
    );
    const tick = () =>
      tell(clock, say("inspect.elapsed", { seconds: Math.floor((performance.now() - started) / 1000) }));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }

  #show(address) {
    this.frame = h("iframe", { src: address, title: say("inspect.page") });
    this.frame.addEventListener("load", () => this.#speak());
    fill(
      this.result,
      h(
        "div.result-head",
        h("h2", { tabindex: "-1" }, say("inspect.ready")),
        h("a.button.small", { href: address, target: "_blank", rel: "noopener", icon: "out" }, say("inspect.open")),
      ),
      this.frame,
    );
    this.result.querySelector("h2").focus({ preventScroll: true });
    this.result.scrollIntoView({ block: "start", behavior: "auto" });
  }

  /** The inspection page has both languages in it and its own switch: set it to ours. */
  #speak() {
    this.frame?.contentDocument?.querySelector(`[data-set="${currentLanguage()}"]`)?.click();
  }
}
