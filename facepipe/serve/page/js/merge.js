/** The dialog that chooses a person: to merge another into, or to look inside. */

import * as api from "./api.js";
import { confirm, openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { say, sayError } from "./i18n.js";
import { icon } from "./icons.js";

/** Let somebody other than `except` (an id) be chosen. Resolves to the person, undefined when dismissed. */
export function askPerson({ title, text, except }) {
  const body = (close) => {
    const search = h("input", {
      type: "search",
      id: "choose-person",
      autocomplete: "off",
      placeholder: say("people.search"),
      autofocus: true,
    });
    const list = h("ul.choices");
    const said = h("p.soft", { role: "status" });
    let turn = 0;
    const load = async (wait) => {
      const now = ++turn;
      await api.pause(wait);
      if (now !== turn) return;
      try {
        const { people } = await api.people({ search: search.value.trim(), limit: 50 });
        const others = people.filter(({ id }) => id !== except);
        if (now !== turn) return;
        fill(
          list,
          others.map((person) => h("li", choice(person, close))),
        );
        fill(said, others.length === 0 ? say("people.nobody-else") : null);
      } catch (error) {
        fill(said, sayError(error));
      }
    };
    search.addEventListener("input", () => load(200));
    load(0);
    return [
      text ? h("p", text) : null,
      h(
        "div.search",
        { role: "search" },
        icon("search"),
        h("label.visually-hidden", { for: search.id }, say("people.search")),
        search,
      ),
      list,
      said,
    ];
  };
  return openDialog({ title, body });
}

function choice(person, close) {
  const image =
    person.picture === null
      ? h("span.avatar")
      : h("img.avatar", { src: api.pictureOf(person.picture), alt: "", loading: "lazy" });
  return h(
    "button.choice",
    { on: { click: () => close(person) } },
    image,
    h("span", person.name),
    h("span.soft", say("references", { n: person.references })),
  );
}

/** Choose whom `person` is merged into, and confirm it. Resolves to the target, undefined when nothing is wanted. */
export async function askMerge(person) {
  const target = await askPerson({
    title: say("merge.title", { name: person.name }),
    text: say("merge.how"),
    except: person.id,
  });
  if (target === undefined) return undefined;
  const params = { from: person.name, into: target.name, n: person.references };
  const sure = await confirm({
    title: say("merge.confirm", params),
    text: say("merge.text", params),
    action: say("merge.do"),
    danger: true,
  });
  return sure ? target : undefined;
}
