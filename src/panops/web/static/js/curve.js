// Curves of shares over time, as SVG: one line an item, broken where nothing is known.

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [1000, 100];
export const TONES = 4;

function element(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** The path of a line through `[[x, y or null], ...]`, x and y in 0..1 with y up; it breaks where y is null. */
export function linePath(points) {
  let path = "";
  let open = false;
  for (const [x, y] of points) {
    if (y === null) {
      open = false;
      continue;
    }
    path += `${open ? "L" : "M"}${(x * WIDE).toFixed(1)} ${((1 - y) * HIGH).toFixed(1)}`;
    open = true;
  }
  return path;
}

/** The path of a dot at each known point. */
export const dotsPath = (points) => points.filter(([, y]) => y !== null).map(([x, y]) => `M${(x * WIDE).toFixed(1)} ${((1 - y) * HIGH).toFixed(1)}h0`).join("");

/**
 * The curves with their axes, as elements.
 * `spans` are the points in time, `[{start_s, end_s, label}]`; `lines` are `[{name, shares}]`, a share or null for each of them.
 * `onPoint(index)` is told over which point the pointer is, -1 for none.
 */
export function curves(spans, lines, label, onPoint) {
  const [first_s, last_s] = [spans[0].start_s, spans.at(-1).end_s];
  const places = spans.map((span) => ((span.start_s + span.end_s) / 2 - first_s) / (last_s - first_s));
  const root = element("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  for (const share of [0, 0.25, 0.5, 0.75]) root.append(element("path", { class: "rule", d: `M0 ${share * HIGH}H${WIDE}` }));
  const here = element("path", { class: "here", d: "" });
  root.append(here);
  lines.forEach(({ shares }, at) => {
    const points = places.map((x, index) => [x, shares[index]]);
    root.append(element("path", { class: `tone-${at % TONES}`, d: linePath(points) }), element("path", { class: `dots tone-${at % TONES}`, d: dotsPath(points) }));
  });
  const show = (index) => {
    here.setAttribute("d", index < 0 ? "" : `M${(places[index] * WIDE).toFixed(1)} 0V${HIGH}`);
    onPoint(index);
  };
  root.addEventListener("pointermove", (event) => {
    const box = root.getBoundingClientRect();
    show(nearest(places, (event.clientX - box.left) / box.width));
  });
  root.addEventListener("pointerleave", () => show(-1));
  const along = spans.length > 1 ? [spans[0].label, spans.at(-1).label] : [spans[0].label];
  return [h("div", { class: "axis up", "aria-hidden": "true" }, ["100 %", "75", "50", "25", "0"].map((text) => h("span", {}, text))), root, h("div", { class: "axis along" }, along.map((text) => h("span", {}, text)))];
}

/** The index of the value of ascending `places` that is nearest to `x`. */
export function nearest(places, x) {
  return places.reduce((best, place, index) => (Math.abs(place - x) < Math.abs(places[best] - x) ? index : best), 0);
}
