/** Dialogs on <dialog>: the browser keeps the focus inside and gives it back, Escape closes. */

import { add, h } from "./dom.js";
import { say } from "./i18n.js";

let count = 0;

/** Open a dialog with the nodes of `body(close)`, a `wide` one for pictures. Resolves to what `close` was given, undefined when dismissed. */
export function openDialog({ title, body, wide = false }) {
  return new Promise((resolve) => {
    let result;
    count += 1;
    const heading = h("h2", { id: `dialog-${count}` }, title);
    const close = (value) => ((result = value), dialog.close());
    const away = h("button.round.quiet", { icon: "close", on: { click: () => close() } });
    add(away, h("span.visually-hidden", say("close")));
    const dialog = h(wide ? "dialog.wide" : "dialog", { "aria-labelledby": heading.id });
    add(dialog, h("div.dialog-head", heading, away), h("div.dialog-body", ...body(close)));
    dialog.addEventListener("close", () => (dialog.remove(), resolve(result)));
    dialog.addEventListener("click", (event) => event.target === dialog && close()); // on the backdrop
    window.addEventListener("hashchange", () => dialog.close(), { once: true });
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".dialog-body :is(button, input)"))?.focus();
  });
}

/** Ask before something that cannot be taken back. Resolves to whether `action` was chosen. */
export async function confirm({ title, text, action, danger = false }) {
  const chosen = await openDialog({
    title,
    body: (close) => [
      h("p", text),
      h(
        "div.actions",
        h("button", { autofocus: true, on: { click: () => close(false) } }, say("cancel")),
        h(danger ? "button.danger" : "button.primary", { on: { click: () => close(true) } }, action),
      ),
    ],
  });
  return chosen === true;
}
