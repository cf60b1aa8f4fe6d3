/** A live connection whose troubles are told in the banner. */

import * as api from "./api.js";
import { say } from "./i18n.js";
import { Live } from "./live.js";
import { banner } from "./notices.js";

const TOO_MANY = 1013;

/** Open one for `mode`; `on`: {open, frame, message, lost}, each given the event's detail. */
export function openLive(mode, grab, on) {
  const live = new Live(mode, grab);
  const retry = { label: say("live.now"), run: () => live.retryNow() };
  live.addEventListener("open", ({ detail }) => (banner(null), on.open?.(detail)));
  live.addEventListener("frame", ({ detail }) => on.frame(detail));
  live.addEventListener("message", ({ detail }) => on.message?.(detail));
  live.addEventListener("lost", ({ detail }) => {
    const full = detail.code === TOO_MANY;
    banner(say(full ? "live.full" : "live.lost"), full ? "people" : "offline", retry);
    on.lost?.(detail);
    if (detail.unheard) checkKey();
  });
  live.addEventListener("refused", () => {
    banner(say("live.refused"), "lock");
    checkKey();
  });
  return {
    send: (message) => live.send(message),
    close: () => (live.close(), banner(null)),
  };
}

/** A handshake that is refused looks like a lost connection: ask whether it is for want of a key. */
async function checkKey() {
  const { key_needed, scopes } = await api.session().catch(() => ({ key_needed: false }));
  if (key_needed && scopes.length === 0) api.server.dispatchEvent(new CustomEvent("key"));
}
