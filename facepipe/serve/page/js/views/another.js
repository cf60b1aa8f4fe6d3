/** The server has another gallery than the page has shown until now. */

import { add, h } from "../dom.js";
import { say } from "../i18n.js";
import { icon } from "../icons.js";

export const title = "another";

export function mount(main) {
  const reload = h("button.primary", { on: { click: () => window.location.reload() } }, say("another.reload"));
  add(
    main,
    h("div.blank-slate", { role: "alert" }, icon("people"), h("h1", say("another")), h("p", say("another.how")), reload),
  );
}
