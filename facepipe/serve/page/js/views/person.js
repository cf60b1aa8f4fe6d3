/** One person: their references, and what can be changed. */

import * as api from "../api.js";
import { confirm } from "../dialog.js";
import { add, fill, h } from "../dom.js";
import { say, sayError } from "../i18n.js";
import { icon } from "../icons.js";
import { askMerge } from "../merge.js";
import { toast } from "../notices.js";
import { askName } from "../rename.js";
import { expectSame } from "../same.js";
import { can } from "../session.js";
import { lookInside } from "./inspect.js";

const CAMERA = new Set(["camera", "camera.jpg"]); // what the server, and this page, call pictures of the camera

export const title = "nav.people";

export function mount(main, { id, signal }) {
  return new Person(main, id, signal);
}

class Person {
  constructor(main, id, signal) {
    Object.assign(this, { id, signal });
    this.place = h("div", h("p.soft", say("working")));
    add(main, h("a.back", { href: "#people" }, icon("back"), say("person.back")), this.place);
    this.load();
  }

  async load() {
    try {
      const [person, { references }] = await Promise.all([api.person(this.id), api.references(this.id)]);
      if (this.signal.aborted) return;
      this.person = person;
      fill(this.place, this.#head(references), this.#references(references));
    } catch (error) {
      fill(
        this.place,
        h(
          "div.blank-slate",
          { role: "alert" },
          icon("warn"),
          h("h2", sayError(error)),
          h("button.primary", { on: { click: () => this.load() } }, say("again")),
        ),
      );
    }
  }

  #head(references) {
    const { name, picture } = this.person;
    const action = (key, iconName, run, tag = "button") =>
      h(tag, { icon: iconName, on: { click: () => this.#try(run) } }, say(key));
    const actions = can("admin")
      ? [
          action("person.rename", "pen", () => this.#rename()),
          action("person.merge", "merge", () => this.#merge()),
          action("person.remove", "trash", () => this.#remove(), "button.danger-quiet"),
        ]
      : [h("p.notice", icon("lock"), say("scope.admin"))];
    return h(
      "div.person-head",
      picture === null ? null : h("img.portrait", { src: api.pictureOf(picture), alt: "" }),
      h("div", h("h1", name), h("p.soft", say("references", { n: references.length })), h("div.actions", actions)),
    );
  }

  #references(references) {
    return h(
      "section",
      { "aria-labelledby": "references" },
      h("h2", { id: "references" }, say("person.references")),
      h("p.lead", say("person.references.how")),
      h(
        "ul.references",
        references.map((reference) => this.#reference(reference)),
      ),
    );
  }

  #reference({ id, source, enrolled_at, consent }) {
    const from = CAMERA.has(source) ? say("source.camera") : source.split(/[\\/]/).pop();
    const agreed =
      consent === null || consent === undefined
        ? h("p.consented.none", icon("warn"), say("consent.none"))
        : h(
            "details.fold",
            h("summary", icon("check"), say("consent.given", { at: consent.given_at })),
            h("blockquote", consent.wording),
          );
    const remove = can("admin")
      ? h(
          "button.small.danger-quiet",
          { icon: "trash", on: { click: () => this.#try(() => this.#removeReference(id)) } },
          say("reference.remove"),
        )
      : null;
    return h(
      "li.reference.card",
      h("img.portrait", {
        src: api.pictureOf(id),
        alt: say("reference.alt", { name: this.person.name }),
        loading: "lazy",
      }),
      h(
        "div.reference-words",
        h("p", say("reference.when", { at: enrolled_at })),
        h("p.soft.source", { title: CAMERA.has(source) ? from : source }, from),
        agreed,
      ),
      h(
        "div.actions",
        h(
          "button.small",
          { icon: "inspect", on: { click: () => lookInside({ reference: { id, name: this.person.name } }) } },
          say("face.inspect"),
        ),
        remove,
      ),
    );
  }

  /** Run an action; what goes wrong is said and the page shows what is so now. */
  async #try(run) {
    try {
      await run();
    } catch (error) {
      toast(sayError(error));
      await this.load();
    }
  }

  async #rename() {
    const before = this.person.name;
    const after = await askName(this.person);
    if (after === undefined) return;
    await this.load();
    const other = await this.#namesake(after);
    toast(say("person.renamed", { before, after, other }), () =>
      this.#try(async () => {
        await expectSame({ id: this.id, name: after });
        await api.rename(this.id, before);
        if (!this.signal.aborted) await this.load();
      }),
    );
  }

  /** Whose name differs from this one in upper and lower case only, which is rarely meant. */
  async #namesake(name) {
    const { people } = await api.people({ search: name, limit: 50 });
    const alike = (one) => one.name !== name && one.name.toLowerCase() === name.toLowerCase();
    return people.find(alike)?.name;
  }

  async #merge() {
    const target = await askMerge(this.person);
    if (target === undefined) return;
    await expectSame(this.person);
    await expectSame({ id: target.id, name: target.name });
    await api.merge(target.id, [Number(this.id)]);
    toast(say("person.merged", { from: this.person.name, into: target.name }));
    window.location.hash = `#people/${target.id}`;
  }

  async #remove() {
    const { name, references } = this.person;
    const params = { name, n: references };
    if (
      !(await confirm({
        title: say("person.remove.title", params),
        text: say("person.remove.text", params),
        action: say("person.remove"),
        danger: true,
      }))
    )
      return;
    await expectSame(this.person);
    await api.removePerson(this.id);
    toast(say("person.removed", params));
    window.location.hash = "#people";
  }

  async #removeReference(id) {
    const { name, references } = this.person;
    const last = references === 1;
    const text = say(last ? "reference.remove.last" : "reference.remove.text", { name });
    if (!(await confirm({ title: say("reference.remove.title"), text, action: say("reference.remove"), danger: true })))
      return;
    await expectSame(this.person);
    await api.removeReference(id);
    toast(say("reference.removed"));
    if (last) window.location.hash = "#people";
    else await this.load();
  }
}
