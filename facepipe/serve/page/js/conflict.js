/** What the server does not enrol without being told so: pictures of several people, or of one who has another name. */

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { say } from "./i18n.js";

const QUESTIONS = { "enrolled-already": askName, "several-people": askPeople };

/**
 * Enrol by `run({name, anyway, kept})`; `kept` are the indexes of those of `pictures` (functions that make a node) to be
 * enrolled. Where the server has doubts, ask what to do. Resolves to what `run` gave, undefined when it was left.
 */
export async function enrollAs(name, run, pictures = []) {
  let how = { name, anyway: false, kept: pictures.map((_, index) => index) };
  for (;;) {
    try {
      return await run(how);
    } catch (error) {
      const question = QUESTIONS[error.code];
      if (question === undefined || how.anyway) throw error;
      const choice = await question(error, how, pictures);
      if (choice === undefined) return undefined;
      how = { ...how, ...choice };
    }
  }
}

/** The face is known under another name. */
function askName(error, how, pictures) {
  const [{ person }, { name }] = [error.details, how];
  return ask({
    title: say("conflict.title", { person }),
    text: say("conflict.text", { person, name }),
    doubts: doubtsOf(error, how),
    how,
    pictures,
    first: { choice: { name: person }, label: say("conflict.add", { person }) },
  });
}

/** The pictures are not of one person, or not of the one who has the name. */
function askPeople(error, how, pictures) {
  const doubts = doubtsOf(error, how);
  const few = doubts.length > 0 && 2 * doubts.length < how.kept.length; // else which are the odd ones is not plain
  return ask({
    title: say("several.title"),
    text: say(few ? "several.text" : "several.text.all", { n: doubts.length, name: how.name }),
    doubts,
    how,
    pictures,
  });
}

/** Which of the pictures the server has doubts about. */
function doubtsOf({ details }, { kept }) {
  const images = new Set((details.details ?? []).map(({ image }) => image));
  return kept.filter((_, index) => images.has(index));
}

function ask({ title, text, doubts, how, pictures, first }) {
  const rest = how.kept.filter((index) => !doubts.includes(index));
  const leaveOut = doubts.length > 0 && rest.length > 0;
  const choices = (close) => {
    const button = (kind, choice, label) => h(kind, { on: { click: () => close(choice) } }, label);
    return [
      first ? button("button.primary", first.choice, first.label) : null,
      leaveOut
        ? button(first ? "button" : "button.primary", { kept: rest }, say("conflict.leave-out", { n: doubts.length }))
        : null,
      button("button", { anyway: true }, say("conflict.anyway", how)),
      button("button.quiet", undefined, say("cancel")),
    ];
  };
  const shown = doubts.map((index) => pictures[index]());
  return openDialog({
    title,
    body: (close) => [
      h("p", text),
      ...(shown.length > 0 ? [h("div.enrolled-faces", shown)] : []),
      h("div.actions.stacked", choices(close)),
    ],
  });
}
