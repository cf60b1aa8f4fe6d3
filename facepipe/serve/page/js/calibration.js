/** From which score on a face has a name and how often a stranger gets one; whether the gallery is calibrated, what
 * percentages mean, and how to have them measured on one's own people. */

import * as api from "./api.js";
import { add, h } from "./dom.js";
import { percent, score } from "./faces.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";

export class Calibration {
  #asked = false;

  constructor(signal) {
    this.signal = signal;
    this.node = h("details.fold.calibration", { hidden: true });
  }

  /** Ask the server, once, and show what it says. */
  async show() {
    if (this.#asked) return;
    this.#asked = true;
    try {
      const { calibration, threshold } = await api.gallery(this.signal);
      const says = calibration !== null || (await ownFigures(this.signal));
      add(this.node, calibration === null ? missing(says, threshold) : present(calibration, threshold));
      this.node.hidden = false;
    } catch {
      // said where it matters: the list of people fails too
    }
  }
}

/** Whether the network's card says how likely a match is. */
async function ownFigures(signal) {
  const { models } = await api.models(signal);
  return models.some(({ role, used, probabilities }) => role === "backbone" && used && probabilities);
}

const present = ({ made_at, measured_on, corrected }, threshold) => [
  h("summary", icon("check"), say("calibrated", { at: made_at })),
  decides(threshold),
  h("p", say("calibrated.on", { measured_on })),
  corrected ? h("p", say("calibrated.corrected")) : null,
  h("p", say("face.odds.how")),
  h("p", say("calibrated.again"), command()),
];

const missing = (says, threshold) => [
  h("summary", icon("unknown"), say("calibrated.not")),
  decides(threshold),
  h("p", say(says ? "calibrated.card" : "calibrated.nothing")),
  says ? h("p", say("face.odds.how")) : null,
  h("p", say("calibrated.how"), command()),
];

/** The threshold in force as a sentence, null where nothing says one. */
function decides(found) {
  if (found === null) return null;
  const { threshold, kind, rate, source, people, alike, chance } = found;
  const told = { threshold: score(threshold), rate: Math.round(1 / rate), people };
  if (chance !== null) Object.assign(told, { chance: percent(chance.value), between: between(chance) });
  const also = alike ? [" ", say("decides.alike", { n: alike })] : [];
  return h("p", say(`decides.${kind}`, told), " ", say(`decides.by.${source}`), ...also);
}

const between = ({ low, high }) =>
  low === null || high === null ? "" : say("decides.between", { low: percent(low), high: percent(high) });

const command = () => h("code", "facepipe calibrate ", say("calibrated.folder"));
