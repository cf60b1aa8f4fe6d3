/** Words in two languages, bound to the nodes that show them, so that a change of language reaches what is on screen. */

import en from "./locales/en.js";
import zh from "./locales/zh.js";

const LOCALES = { en, zh };
const KEPT = "facepipe.language";
const bound = new WeakMap(); // node -> Map(attribute, or "" for text -> Said)

let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

/** A phrase that is put into words only when it is shown: its key and what belongs into it. */
export class Said {
  constructor(key, params = {}) {
    this.key = key;
    this.params = params;
  }

  toString() {
    const phrase = LOCALES[language][this.key] ?? this.params.fallback ?? this.key;
    return String(typeof phrase === "function" ? phrase(this.params) : phrase);
  }
}

export const say = (key, params) => new Said(key, params);

/** What went wrong, by its code; the server's own words where the code is not in the table. */
export const sayError = (error) =>
  error.details?.problems?.length > 0
    ? sayProblem({ code: error.details.problems[0], message: error.message })
    : sayCode(error);

/** What is wrong with a picture: a reason of the gate, or an error. */
export const sayProblem = ({ code, message }) =>
  `hint.${code}` in LOCALES.en ? say(`hint.${code}`) : sayCode({ code, message });

const sayCode = (error) => say(`error.${error.code ?? "unexpected"}`, { ...error.details, fallback: error.message });

export const currentLanguage = () => language;

/** Show `said` as the text of `node`, or as its `attribute`, now and after every change of language. */
export function bind(node, said, attribute = "") {
  const here = bound.get(node) ?? new Map();
  bound.set(node, here.set(attribute, said));
  show(node, said, attribute);
}

/** Bind what the HTML itself says: data-t is the text's key, data-t-label that of the aria-label. */
export function bindDocument() {
  for (const node of document.querySelectorAll("[data-t]")) bind(node, say(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-label]")) bind(node, say(node.dataset.tLabel), "aria-label");
}

/** Speak another language from now on, also after the next start. */
export function chooseLanguage(wanted) {
  language = wanted;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // storage is refused: the choice lasts as long as the page
  }
  speak();
}

/** Put everything that is bound into the present language. */
export function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    bound.get(node)?.forEach((said, attribute) => show(node, said, attribute));
  }
  document.dispatchEvent(new CustomEvent("language"));
}

function show(node, said, attribute) {
  const words = String(said);
  if (attribute !== "") node.setAttribute(attribute, words);
  else if (node.textContent !== words) node.textContent = words; // a live region must not read the same again
}

function remembered() {
  try {
    const kept = localStorage.getItem(KEPT);
    return kept in LOCALES ? kept : null;
  } catch {
    return null;
  }
}
