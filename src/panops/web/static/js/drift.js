// How far a camera's latest days are from its reference: a small histogram for each quantity, then and now.

import { get, part } from "./api.js";
import { fill, h } from "./dom.js";
import { decimal, t } from "./messages.js";
import { className, plain, plural } from "./things.js";
import { whole } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WORDS = { score: t("Scores"), box_size: t("Sizes"), class: t("Classes"), brightness: t("Brightness"), sharpness: t("Sharpness"), verdict: t("Verdicts") };
const LEVELS = { none: { word: t("Unchanged"), tone: "green" }, moderate: { word: t("Somewhat changed"), tone: "amber" }, large: { word: t("Changed"), tone: "red" }, unknown: { word: t("Too few yet"), tone: "grey" } };

function bars({ bins, then, now, name }) {
  const svg = document.createElementNS(SVG, "svg");
  const top = Math.max(...then, ...now) || 1;
  for (const [key, value] of [["class", "histogram"], ["viewBox", "0 0 100 40"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", t("{name}, then and now", { name: WORDS[name] ?? plain(name) })]]) svg.setAttribute(key, value);
  const step = 100 / bins.length;
  for (const [place, shares] of [[0, then], [1, now]]) {
    shares.forEach((share, at) => {
      const rect = document.createElementNS(SVG, "rect");
      const high = (38 * share) / top;
      for (const [key, value] of [["class", place ? "now" : "then"], ["x", at * step + step * (0.1 + 0.4 * place)], ["width", step * 0.4], ["y", 40 - high], ["height", high]]) rect.setAttribute(key, typeof value === "number" ? value.toFixed(2) : value);
      svg.append(rect);
    });
  }
  return svg;
}

function quantity(one) {
  const { word, tone } = LEVELS[one.level];
  const ends = one.bins.length ? t("{first} to {last}", { first: plain(className(one.bins[0])), last: plain(className(one.bins.at(-1))) }) : t("nothing counted yet");
  return h("div", { class: "quantity" },
    h("div", { class: "quantity-head" }, h("strong", {}, WORDS[one.name] ?? plain(one.name)), h("span", { class: `chip ${tone}` }, one.psi === null ? word : `${word}, ${decimal(one.psi, 2)}`)),
    one.bins.length ? bars(one) : null,
    h("p", { class: "faint" }, t("{ends}; {before} then, {now} now", { ends, before: one.samples_then, now: one.samples_now })));
}

function introduction(drift) {
  if (!drift.enabled) return t("Switched off in this camera's settings.");
  const days = drift.reference_days.length;
  if (!drift.newest_days.length) return t("The first {days} are what the camera is compared with; whole days so far: {count}.", { days: plural(drift.reference_wanted, "day"), count: days });
  return t("Then: {first} to {last}. Now: {begin} to {end}. The number is the stability index: from {large} on it has changed.", { first: drift.reference_days[0], last: drift.reference_days.at(-1), begin: drift.newest_days[0], end: drift.newest_days.at(-1), large: decimal(drift.large, 2) });
}

/** Fills `node` with the drift of a camera. */
export async function showDrift(node, id) {
  try {
    const drift = await get(`/cameras/${part(id)}/drift`);
    const some = drift.quantities.filter((one) => one.samples_then || one.samples_now);
    fill(node, h("p", { class: "faint" }, introduction(drift)), drift.enabled && some.length ? h("div", { class: "quantities" }, some.map(quantity)) : null);
  } catch (error) {
    fill(node, h("p", { class: "faint" }, t("It could not be read: {reason}", { reason: error.message })));
  }
}
