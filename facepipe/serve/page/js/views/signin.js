/** The key that the server asks for. */

import { add, h, tell } from "../dom.js";
import { say, sayError } from "../i18n.js";
import { icon } from "../icons.js";
import { refresh } from "../session.js";

export const title = "signIn";

export function mount(main, { done }) {
  const key = h("input", {
    id: "key",
    type: "password",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
  });
  const failure = h("p.failure", { role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    if (key.value.trim() === "") return key.focus();
    try {
      await refresh(key.value.trim());
      done();
    } catch (error) {
      tell(failure, sayError(error));
      key.select();
    }
  };
  add(
    main,
    h(
      "section.sign-in.card",
      icon("lock"),
      h("h1", say("signIn.title")),
      h("p.soft", say("signIn.how"), h("code", "facepipe keys add"), say("signIn.how.end")),
      h(
        "form",
        { novalidate: true, on: { submit } },
        h("div.field", h("label", { for: "key" }, say("signIn.key")), key),
        failure,
        h("button.primary.large", { type: "submit" }, say("signIn")),
      ),
    ),
  );
  queueMicrotask(() => key.focus()); // after the view that is new got the focus
}
