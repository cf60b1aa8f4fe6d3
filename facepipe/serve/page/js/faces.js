/** One face and what is known of it, as words, how likely that is, a meter against the threshold, and a button in a list. */

import { fill, h, tell } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";
import { drawFace } from "./pictures.js";

const ICONS = { known: "check", unknown: "unknown", looking: "looking" };
const PERHAPS = 0.1; // the least probability for which a stranger's best candidate is named
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

/** Beside a name how likely it is; beside an unknown who it may be all the same, if that is worth a word. */
function oddsBeside(face, status) {
  const odds = oddsOf(face);
  if (odds === null || status === "looking") return "";
  if (status === "known") return percent(odds);
  return odds < PERHAPS ? "" : say("face.odds", { percent: percent(odds), name: face.candidates[0].person });
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

/** A face in the list beside the picture: a button that stays the same while the face is in view. */
export class FaceCard {
  #taken = -Infinity;

  constructor(onopen) {
    this.thumbnail = h("canvas.face-picture", { width: 112, height: 112, "aria-hidden": "true" });
    this.mark = h("span.face-mark");
    this.name = h("span.face-name");
    this.odds = h("span.face-odds", { title: say("face.odds.how") });
    this.meter = meter();
    this.button = h(
      "button.face",
      { on: { click: () => onopen(this.face, this.shot) } },
      this.thumbnail,
      h("span.face-words", h("span.face-title", this.mark, this.name, this.odds), this.meter.node),
    );
    this.node = h("li", this.button);
  }

  /** `face` as the server tells it, in `shot` {blob, size}. */
  update(face, shot) {
    Object.assign(this, { face, shot });
    const status = statusOf(face);
    if (this.button.dataset.status !== status) {
      this.button.dataset.status = status;
      fill(this.mark, icon(ICONS[status]));
      this.#taken = -Infinity;
    }
    tell(this.name, nameOf(face));
    tell(this.odds, oddsBeside(face, status));
    this.meter.update(status === "looking" ? null : matchOf(face), face.threshold, status);
    if (performance.now() - this.#taken < THUMBNAIL_FOR) return;
    this.#taken = performance.now();
    drawFace(this.thumbnail, shot.blob, face.box).catch(() => undefined);
  }
}
