/** The page: language, session, and the view that the address names. */

import { server } from "./api.js";
import { fill, h } from "./dom.js";
import { bind, bindDocument, chooseLanguage, currentLanguage, say, sayError, speak } from "./i18n.js";
import { icon } from "./icons.js";
import { banner } from "./notices.js";
import { can, keyNeeded, leave, refresh } from "./session.js";
import { shelf } from "./shelf.js";
import * as another from "./views/another.js";
import * as enroll from "./views/enroll.js";
import * as inspect from "./views/inspect.js";
import * as people from "./views/people.js";
import * as person from "./views/person.js";
import * as recognise from "./views/recognise.js";
import * as signin from "./views/signin.js";

const VIEWS = { recognise, enroll, people, inspect };

const main = document.getElementById("main");
const tabs = document.querySelector(".tabs");
const signOutButton = document.getElementById("sign-out");
let present = null; // ends the view that is shown
let over = false; // what the page knows is of another gallery than the server's

/** Show `view` in place of the present one. */
function show(view, options = {}) {
  const first = present === null;
  present?.abort();
  present = new AbortController();
  banner(null);
  main.replaceChildren();
  bind(document.querySelector("title"), say("title", { view: say(view.title) }));
  view.mount(main, { ...options, signal: present.signal });
  if (!first) main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function route() {
  if (over) return;
  const [given, id] = window.location.hash.slice(1).split("/");
  const name = given === "enrol" ? "enroll" : given; // as bookmarks have it from before
  const view = Object.hasOwn(VIEWS, name) ? name : "recognise";
  for (const link of tabs.querySelectorAll("a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const signedOut = keyNeeded() && !can("read");
  tabs.hidden = signedOut;
  signOutButton.hidden = !keyNeeded() || signedOut;
  if (signedOut) shelf.clear(); // what was found is for whoever had the key
  if (signedOut) show(signin, { done: route });
  else if (view === "people" && id) show(person, { id });
  else show(VIEWS[view]);
}

/** Take away whatever is of the gallery that the server had before. */
function end() {
  if (over) return;
  over = true;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.getElementById("toasts").replaceChildren();
  shelf.clear();
  tabs.hidden = true;
  signOutButton.hidden = true;
  if (window.location.hash.startsWith("#people/")) window.history.replaceState(null, "", "#people"); // its number too
  show(another);
}

async function start() {
  try {
    await refresh();
  } catch (error) {
    fill(
      main,
      h(
        "div.blank-slate",
        { role: "alert" },
        icon("offline"),
        h("h1", sayError(error)),
        h("button.primary", { on: { click: start } }, say("again")),
      ),
    );
    return;
  }
  route();
}

function words() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => chooseLanguage(button.dataset.language));
  }
  document.addEventListener("language", pressed);
  bindDocument();
  speak();
}

function pressed() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === currentLanguage()));
  }
}

for (const link of tabs.querySelectorAll("a")) link.prepend(icon(link.dataset.icon));
for (const type of ["dragover", "drop"]) {
  window.addEventListener(type, (event) => event.preventDefault()); // or the browser opens what is dropped beside a view
}
words();
window.addEventListener("hashchange", route);
document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
signOutButton.addEventListener("click", () => leave().then(route, (error) => banner(sayError(error), "warn")));
server.addEventListener("busy", ({ detail }) => banner(say("busy", { seconds: Math.ceil(detail) }), "wait"));
server.addEventListener("answered", () => document.querySelector("#banner .icon-wait") && banner(null));
server.addEventListener("another", end);
server.addEventListener("key", () => refresh().then(route, () => undefined));
start();
