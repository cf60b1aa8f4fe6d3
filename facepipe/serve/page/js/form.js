/** Name and consent: what every enrolment asks for, wherever its pictures come from. */

import { nameField } from "./combobox.js";
import { h, tell } from "./dom.js";
import { say, sayError } from "./i18n.js";

let count = 0;

export class PersonForm {
  #ready = false;
  #busy = false;

  /** `onsubmit(name, consent)` is awaited; what it throws is shown. `wanting` is said until there are pictures. */
  constructor({ onsubmit, wanting = "missing.shots", signal }) {
    count += 1;
    Object.assign(this, { onsubmit, wanting });
    this.name = nameField({ oninput: () => this.#update(), signal });
    this.tick = h("input", { type: "checkbox", id: `consent-${count}`, on: { change: () => this.#update() } });
    this.wording = h("label", { for: this.tick.id }, say("consent.wording"));
    this.button = h("button.primary.large", { type: "submit", disabled: true }, say("enroll"));
    this.missing = h("p.soft.missing");
    this.failure = h("p.failure", { role: "alert" });
    this.node = h(
      "form.person-form",
      { novalidate: true, on: { submit: (event) => this.#submit(event) } },
      this.name.node,
      h("div.consent", this.tick, this.wording),
      this.failure,
      this.button,
      this.missing,
    );
    this.#update();
  }

  /** Whether there is something to enrol. */
  set ready(ready) {
    this.#ready = ready;
    this.#update();
  }

  set person(name) {
    this.name.input.value = name;
    this.#update();
  }

  fail(error) {
    tell(this.failure, error === null ? "" : sayError(error));
  }

  async submit(name = this.name.input.value.trim()) {
    this.#busy = true;
    this.#update();
    this.fail(null);
    try {
      await this.onsubmit(name, this.wording.textContent);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    }
    this.#busy = false;
    this.#update();
  }

  #submit(event) {
    event.preventDefault();
    if (!this.button.disabled) this.submit();
  }

  #update() {
    const named = this.name.input.value.trim() !== "";
    this.button.disabled = this.#busy || !(this.#ready && named && this.tick.checked);
    this.node.toggleAttribute("aria-busy", this.#busy);
    const missing = this.#busy
      ? "missing.working"
      : !this.#ready
        ? this.wanting
        : !named
          ? "missing.name"
          : !this.tick.checked
            ? "missing.consent"
            : null;
    tell(this.missing, missing === null ? "" : say(missing));
  }
}
