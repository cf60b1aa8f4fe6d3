/** A face that is enrolled already under another name: add to that person, enrol all the same, or leave it. */

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { say } from "./i18n.js";

/**
 * Enrol by `run(name, anyway)`; where the face is known under another name, ask what to do. Resolves to what `run` gave,
 * undefined when it was left.
 */
export async function enrolAs(name, run) {
  try {
    return await run(name, false);
  } catch (error) {
    if (error.code !== "enrolled-already") throw error;
    const choice = await askConflict(error.details.person, name);
    return choice && run(choice.name, choice.anyway);
  }
}

function askConflict(person, name) {
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
