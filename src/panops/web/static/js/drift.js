// How far a camera's latest days are from its reference: a small histogram for each quantity, then and now.

import { get, part } from "./api.js";
import { fill, h } from "./dom.js";
import { plain, plural, whole } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WORDS = { score: "Scores", box_size: "Sizes", class: "Classes", brightness: "Brightness", sharpness: "Sharpness", verdict: "Verdicts" };
const LEVELS = { none: { word: "Unchanged", tone: "green" }, moderate: { word: "Somewhat changed", tone: "amber" }, large: { word: "Changed", tone: "red" }, unknown: { word: "Too few yet", tone: "grey" } };

function bars({ bins, then, now, name }) {
  const svg = document.createElementNS(SVG, "svg");
  const top = Math.max(...then, ...now) || 1;
  for (const [key, value] of [["class", "histogram"], ["viewBox", "0 0 100 40"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", `${WORDS[name] ?? plain(name)}, then and now`]]) svg.setAttribute(key, value);
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
  const ends = one.bins.length ? `${plain(one.bins[0])} to ${plain(one.bins.at(-1))}` : "nothing counted yet";
  return h("div", { class: "quantity" },
    h("div", { class: "quantity-head" }, h("strong", {}, WORDS[one.name] ?? plain(one.name)), h("span", { class: `chip ${tone}` }, one.psi === null ? word : `${word}, ${one.psi.toFixed(2)}`)),
    one.bins.length ? bars(one) : null,
    h("p", { class: "faint" }, `${ends}; ${whole(one.samples_then)} then, ${whole(one.samples_now)} now`));
}

function introduction(drift) {
  if (!drift.enabled) return "Switched off in this camera's settings.";
  const days = drift.reference_days.length;
  if (!drift.newest_days.length) return `The first ${plural(drift.reference_wanted, "day")} are what the camera is compared with; ${plural(days, "whole day")} so far.`;
  return `Then: ${drift.reference_days[0]} to ${drift.reference_days.at(-1)}. Now: ${drift.newest_days[0]} to ${drift.newest_days.at(-1)}. The number is the stability index: from ${drift.large} on it has changed.`;
}

/** Fills `node` with the drift of a camera. */
export async function showDrift(node, id) {
  try {
    const drift = await get(`/cameras/${part(id)}/drift`);
    const some = drift.quantities.filter((one) => one.samples_then || one.samples_now);
    fill(node, h("p", { class: "faint" }, introduction(drift)), drift.enabled && some.length ? h("div", { class: "quantities" }, some.map(quantity)) : null);
  } catch (error) {
    fill(node, h("p", { class: "faint" }, `It could not be read: ${error.message}`));
  }
}
