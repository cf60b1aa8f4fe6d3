/** The dialog that gives a person another name. */

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { h, tell } from "./dom.js";
import { say, sayError } from "./i18n.js";
import { expectSame } from "./same.js";

/** Ask for a name and set it; resolves to the new name, undefined when nothing was changed. */
export function askName({ id, name }) {
  const body = (close) => {
    const input = h("input", {
      type: "text",
      id: "new-name",
      value: name,
      maxlength: 200,
      autocomplete: "off",
      spellcheck: "false",
      autofocus: true,
    });
    const failure = h("p.failure", { role: "alert" });
    const submit = async (event) => {
      event.preventDefault();
      const wanted = input.value.trim();
      if (wanted === "" || wanted === name) return close();
      try {
        await expectSame({ id, name });
        close((await api.rename(id, wanted)).name);
      } catch (error) {
        tell(failure, sayError(error));
      }
    };
    queueMicrotask(() => input.select());
    return [
      h(
        "form",
        { novalidate: true, on: { submit } },
        h("div.field", h("label", { for: "new-name" }, say("name")), input),
        failure,
        h(
          "div.actions",
          h("button", { on: { click: () => close() } }, say("cancel")),
          h("button.primary", { type: "submit" }, say("person.rename")),
        ),
      ),
    ];
  };
  return openDialog({ title: say("person.rename.title", { name }), body });
}
