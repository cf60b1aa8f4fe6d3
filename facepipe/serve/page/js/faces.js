/** One face and what is known of it: as words, how likely that is, and a button in a list. */

import { fill, h, tell } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";
import { shorter } from "./labels.js";
import { drawFace } from "./pictures.js";

export const ICONS = { known: "check", unknown: "unknown", looking: "looking" };
const SIGNS = { known: "✓", unknown: "?", looking: "" };
const PERHAPS = 0.05; // the least probability for which a stranger's best candidate is named, as in words.py
const THUMBNAIL_FOR = 2500; // ms until a face's small picture is taken anew

/** "known", "unknown", or "looking" while a live face was not yet seen well enough. */
export const statusOf = ({ name, decided = true }) => (name ? "known" : decided ? "unknown" : "looking");

export const nameOf = (face) => face.name ?? say(`face.${statusOf(face)}`);

/** How well the best candidate matches, null where there is nobody to compare with. */
export const matchOf = ({ match, candidates = [] }) => match ?? candidates[0]?.score ?? null;

export const score = (value) => value.toFixed(3);

/** How likely it is who it is said to be, or of a stranger the best candidate: 0..1, null where it was not measured. */
export function oddsOf({ name, candidates = [] }) {
  const told = name ? candidates.find(({ person }) => person === name) : candidates[0];
  return told?.probability ?? null;
}

/** A probability in words: nothing is said to be wholly certain, nor impossible. */
export function percent(probability) {
  const value = 100 * probability;
  if (value > 99.9) return say("percent", { figure: "> 99.9" });
  if (value < 0.1) return say("percent", { figure: "< 0.1" });
  return say("percent", { figure: value.toFixed(value < 1 || value >= 99 ? 1 : 0) });
}

/** Of somebody unknown the candidate who it may be all the same, if that is worth a word. */
export function guessOf(face) {
  const odds = statusOf(face) === "unknown" ? oddsOf(face) : null;
  return odds !== null && odds >= PERHAPS ? face.candidates[0] : null;
}

/** Who it is, or of somebody unknown who it may be. */
export function whoOf(face) {
  const guess = guessOf(face);
  return guess ? say("face.unknown.guess", { name: guess.person, percent: percent(guess.probability) }) : nameOf(face);
}

/** How likely a name is; where that was not measured, the score. */
function figureOf(face) {
  const odds = oddsOf(face);
  const match = matchOf(face);
  if (face.name) return odds === null ? score(match) : percent(odds);
  return odds === null && match !== null && statusOf(face) === "unknown" ? score(match) : "";
}

/** Who it is and how likely, to stand in a line with others. */
export const briefOf = (face) => (face.name ? [face.name, "\u00a0", figureOf(face)] : [whoOf(face)]);

/** What stands beside a face, from the longest to the shortest; `number` goes before it, "" for none. */
export function labelsOf(face, number = "") {
  const status = statusOf(face);
  const begin = (words) => [number, SIGNS[status], words].filter((part) => part !== "").join(" ");
  const [who, name] = [String(whoOf(face)), String(nameOf(face))];
  const whole = who === name ? [`${name} ${figureOf(face)}`.trim(), name] : [who, name];
  if (status === "known") return [...whole, ...shorter(name).slice(1)].map(begin);
  return [...new Set([...whole, status === "looking" ? "…" : ""])].map(begin);
}

/** Where on the meter a score lies, 0..1. Scores crowd below 1: the meter shows the part around the threshold. */
export function onMeter(value, threshold) {
  const low = Math.max(0, threshold - 2 * (1 - threshold));
  return Math.max(0, Math.min(1, (value - low) / (1 - low)));
}

/** A bar for the score with a tick at the threshold, both also in figures. `update(match, threshold, status)`. */
export function meter() {
  const bar = h("span.meter-bar");
  const tick = h("span.meter-tick");
  const figures = h("span.meter-figures");
  const node = h("span.meter", { hidden: true }, h("span.meter-track", { "aria-hidden": "true" }, bar, tick), figures);
  const update = (match, threshold, status) => {
    node.hidden = match === null;
    if (match === null) return;
    node.dataset.status = status;
    bar.style.inlineSize = `${100 * onMeter(match, threshold)}%`;
    tick.style.insetInlineStart = `${100 * onMeter(threshold, threshold)}%`;
    tell(figures, `${score(match)} ${match >= threshold ? "≥" : "<"} ${score(threshold)}`);
  };
  return { node, update };
}

/** How likely a name is as a bar; or, where that was not measured, the score against the threshold. */
function bars() {
  const bar = h("span.meter-bar");
  const likely = h("span.meter.likely", { "aria-hidden": "true" }, h("span.meter-track", bar));
  const scored = meter();
  const update = (face, status) => {
    const odds = oddsOf(face);
    likely.hidden = odds === null || !(face.name || guessOf(face));
    bar.style.inlineSize = `${100 * (odds ?? 0)}%`;
    scored.update(odds === null && status !== "looking" ? matchOf(face) : null, face.threshold, status);
  };
  return { nodes: [likely, scored.node], update };
}

/** A face in the list beside the picture: a button that stays the same while the face is in view. */
export class FaceCard {
  #taken = -Infinity;

  constructor(onopen) {
    this.thumbnail = h("canvas.face-picture", { width: 112, height: 112, "aria-hidden": "true" });
    this.number = h("span.face-number");
    this.mark = h("span.face-mark");
    this.name = h("span.face-name");
    this.odds = h("span.face-odds", { title: say("face.odds.how") });
    this.bars = bars();
    this.button = h(
      "button.face",
      { on: { click: () => onopen(this.face, this.shot) } },
      this.thumbnail,
      h("span.face-words", h("span.face-title", this.number, this.mark, this.name, this.odds), this.bars.nodes),
    );
    this.node = h("li", this.button);
  }

  /** `face` as the server tells it, with the `number` that it has in the picture, if any; `shot` {blob, size}. */
  update(face, shot) {
    Object.assign(this, { face, shot });
    const status = statusOf(face);
    if (this.button.dataset.status !== status) {
      this.button.dataset.status = status;
      fill(this.mark, icon(ICONS[status]));
      this.#taken = -Infinity;
    }
    tell(this.number, face.number ?? "");
    tell(this.name, whoOf(face));
    tell(this.odds, face.name && oddsOf(face) !== null ? percent(oddsOf(face)) : "");
    this.bars.update(face, status);
    if (performance.now() - this.#taken < THUMBNAIL_FOR) return;
    this.#taken = performance.now();
    drawFace(this.thumbnail, shot.blob, face.box).catch(() => undefined);
  }
}
