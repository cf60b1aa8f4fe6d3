/** A face that is enrolled already under another name: add to that person, enrol all the same, or leave it. */

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { say } from "./i18n.js";

/** `person`: the name it is enrolled under. Resolves to {name, anyway}, undefined when nothing is to be done. */
export function askConflict(person, name) {
  const choices = (close) => [
    h(
      "button.primary",
      { on: { click: () => close({ name: person, anyway: false }) } },
      say("conflict.add", { person }),
    ),
    h("button", { on: { click: () => close({ name, anyway: true }) } }, say("conflict.anyway", { name })),
    h("button.quiet", { on: { click: () => close() } }, say("cancel")),
  ];
  return openDialog({
    title: say("conflict.title", { person }),
    body: (close) => [h("p", say("conflict.text", { person, name })), h("div.actions.stacked", choices(close))],
  });
}
