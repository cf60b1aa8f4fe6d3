/** A name field that suggests people who are enrolled already. */

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { say } from "./i18n.js";

let count = 0;

/** {node, input}. Suggestions come from the gallery; arrow keys and Enter choose, Escape closes them. */
export function nameField({ oninput, signal }) {
  count += 1;
  const list = h("ul.suggestions", {
    id: `names-${count}`,
    role: "listbox",
    "aria-label": say("name.known"),
    hidden: true,
  });
  const input = h("input", {
    id: `name-${count}`,
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 200,
    role: "combobox",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
  });
  const node = h("div.field", h("label", { for: input.id }, say("name")), h("div.combobox", input, list));
  const box = new Suggestions(input, list, oninput, signal);
  input.addEventListener("input", () => (oninput(), box.search()));
  input.addEventListener("blur", () => box.close());
  input.addEventListener("keydown", (event) => box.key(event));
  return { node, input };
}

class Suggestions {
  #options = [];
  #active = -1;
  #asked = 0;

  constructor(input, list, onchoose, signal) {
    Object.assign(this, { input, list, onchoose, signal });
  }

  async search() {
    const turn = ++this.#asked;
    await api.pause(150);
    if (turn !== this.#asked || this.signal.aborted) return;
    const search = this.input.value.trim();
    let found = [];
    try {
      found = (await api.people({ search, limit: 6 }, this.signal)).people;
    } catch {
      // without suggestions a name can be typed all the same
    }
    if (turn !== this.#asked || document.activeElement !== this.input) return;
    this.#show(found.filter(({ name }) => name !== search));
  }

  #show(people) {
    this.#active = -1;
    this.#options = people.map((person, index) => this.#option(person, `${this.list.id}-${index}`));
    fill(this.list, this.#options);
    this.#open(people.length > 0);
  }

  #option({ name, references, picture }, id) {
    const image = picture === null ? h("span.avatar") : h("img.avatar", { src: api.pictureOf(picture), alt: "" });
    const node = h(
      "li",
      { id, role: "option", "aria-selected": "false" },
      image,
      h("span", name),
      h("span.soft", say("references", { n: references })),
    );
    node.addEventListener("pointerdown", (event) => (event.preventDefault(), this.#choose(name))); // before the blur
    node.dataset.name = name;
    return node;
  }

  #choose(name) {
    this.input.value = name;
    this.close();
    this.onchoose();
  }

  #open(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    this.#asked += 1;
    this.#open(false);
  }

  key(event) {
    if (this.list.hidden) {
      if (event.key === "ArrowDown") this.search();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) this.#move(step);
    else if (event.key === "Enter" && this.#active >= 0) this.#choose(this.#options[this.#active].dataset.name);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Escape here does not close the dialog around it
  }

  #move(step) {
    const { length } = this.#options;
    this.#active = (this.#active + step + length + (this.#active < 0 && step < 0 ? 1 : 0)) % length;
    for (const [index, option] of this.#options.entries()) {
      option.setAttribute("aria-selected", String(index === this.#active));
    }
    this.input.setAttribute("aria-activedescendant", this.#options[this.#active].id);
    this.#options[this.#active].scrollIntoView({ block: "nearest" });
  }
}
