/** The people who are enrolled. */

import * as api from "../api.js";
import { Calibration } from "../calibration.js";
import { add, fill, h } from "../dom.js";
import { say, sayError } from "../i18n.js";
import { icon } from "../icons.js";

const PAGE = 48; // people asked for at once
const ASK_AGAIN = 3000; // ms until a server that does not answer is asked again

export const title = "nav.people";

export function mount(main, { signal }) {
  return new People(main, signal);
}

class People {
  #turn = 0;
  #shown = 0;
  #trouble = null; // the code of the error that is shown

  constructor(main, signal) {
    this.signal = signal;
    this.search = h("input", { type: "search", id: "search", autocomplete: "off", placeholder: say("people.search") });
    this.count = h("p.soft.count", { role: "status" });
    this.calibration = new Calibration(signal);
    this.grid = h("ul.people");
    this.more = h("button", { hidden: true, on: { click: () => this.#load() } }, say("people.more"));
    this.tail = h("div.tail", this.more);
    add(
      main,
      h(
        "div.head.beside",
        h("div", h("h1", say("nav.people")), this.count),
        h(
          "div.search",
          { role: "search" },
          icon("search"),
          h("label.visually-hidden", { for: "search" }, say("people.search")),
          this.search,
        ),
      ),
      this.calibration.node,
      this.grid,
      this.tail,
    );
    this.search.addEventListener("input", () => this.#start(200));
    const watch = new IntersectionObserver(([entry]) => entry.isIntersecting && !this.more.hidden && this.#load(), {
      rootMargin: "400px",
    });
    watch.observe(this.tail);
    signal.addEventListener("abort", () => watch.disconnect());
    fill(this.count, say("working"));
    this.#start(0);
  }

  /** Ask anew, from the first, once typing has paused. */
  async #start(wait) {
    const turn = ++this.#turn;
    await api.pause(wait);
    if (turn === this.#turn) this.#load(true);
  }

  async #load(anew = false) {
    const turn = ++this.#turn;
    this.more.hidden = true;
    const search = this.search.value.trim();
    const offset = anew ? 0 : this.#shown;
    let answer;
    try {
      answer = await api.people({ search, offset, limit: PAGE }, this.signal);
    } catch (error) {
      if (error.name !== "AbortError" && turn === this.#turn) this.#failed(error, turn);
      return;
    }
    if (turn !== this.#turn) return;
    this.#trouble = null;
    if (anew) this.grid.replaceChildren();
    add(this.grid, answer.people.map(card));
    this.#shown = offset + answer.people.length;
    this.more.hidden = this.#shown >= answer.total;
    fill(this.count, say(search === "" ? "people.count" : "people.found", { n: answer.total }));
    this.#empty(answer.total === 0, search);
    if (answer.total > 0) this.calibration.show();
  }

  #empty(empty, search) {
    fill(this.tail, this.more);
    if (!empty) return;
    if (search !== "") return add(this.tail, h("p.soft", say("people.none-found", { search })));
    add(
      this.tail,
      h(
        "div.blank-slate",
        icon("people"),
        h("h2", say("people.empty")),
        h("p", say("people.empty.how")),
        h("a.button.primary", { href: "#enroll" }, say("people.first")),
      ),
    );
  }

  async #failed(error, turn) {
    this.count.replaceChildren();
    if (error.code !== this.#trouble) this.#complain(error); // an alert that is shown is not read out once more
    this.#trouble = error.code;
    if (error.code !== "connection-lost") return;
    await api.pause(ASK_AGAIN);
    if (turn === this.#turn && !this.signal.aborted) this.#load(true);
  }

  #complain(error) {
    fill(
      this.tail,
      h(
        "div.blank-slate",
        { role: "alert" },
        icon("warn"),
        h("h2", sayError(error)),
        h("button.primary", { on: { click: () => ((this.#trouble = null), this.#load(true)) } }, say("again")),
      ),
    );
  }
}

function card({ id, name, references, picture }) {
  const face =
    picture === null
      ? h("span.portrait.blank", icon("people"))
      : h("img.portrait", { src: api.pictureOf(picture), alt: "", loading: "lazy", decoding: "async" });
  return h(
    "li",
    h(
      "a.person",
      { href: `#people/${id}` },
      face,
      h("span.person-name", { title: name }, name),
      h("span.soft", say("references", { n: references })),
    ),
  );
}
