// Zones, lines and ground as the editor holds them: lists of points in shares of the picture. Nothing here touches the page.

import { t } from "./messages.js";

export const LEAST = { zone: 3, line: 2, ground: 4 };
export const MOST = { zone: 60, line: 60, ground: 4 };
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const METRES = [[0, 0], [5, 0], [5, 10], [0, 10]];
const ROUND = 1e5;

/** A share of the picture, inside it and short enough to read. */
export const share = (value) => Math.round(Math.min(1, Math.max(0, value)) * ROUND) / ROUND;

const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/** The edges of a polygon as `[[from, to], ...]`; of an open line the last one is missing. */
export function edges(points, closed) {
  const count = closed ? points.length : points.length - 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => [points[at], points[(at + 1) % points.length]]);
}

/** The numbers of the edges of a polygon that cross another one; the server refuses the same ones. */
export function crossings(points) {
  const all = edges(points, true);
  const found = new Set();
  all.forEach(([a, b], one) => all.forEach(([c, d], other) => {
    if (other < one + 2) return;
    if (turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0) found.add(one).add(other);
  }));
  return found;
}

/** What is wrong with a shape's points, in words; empty when all is well. */
export function fault({ kind, points }) {
  if (points.length < LEAST[kind]) return t("It needs at least {least} points.", { least: LEAST[kind] });
  if (kind === "line") return points.every(([x, y]) => x === points[0][0] && y === points[0][1]) ? t("Its points are all the same.") : "";
  if (crossings(points).size) return t("Its edges cross: move a corner until the red is gone.");
  const doubled = edges(points, true).reduce((sum, [[x1, y1], [x2, y2]]) => sum + x1 * y2 - x2 * y1, 0);
  return Math.abs(doubled) < 2e-6 ? t("It has no area: its points lie on one line.") : "";
}

/** All points moved by `[dx, dy]`, less where one would leave the picture. */
export function moved(points, [dx, dy]) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const x = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const y = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return points.map(([px, py]) => [share(px + x), share(py + y)]);
}

/** A name that nobody has yet: `zone-1`, `zone-2` ... */
export function freeName(kind, shapes) {
  const taken = new Set(shapes.map((shape) => shape.name));
  for (let number = 1; ; number += 1) if (!taken.has(`${kind}-${number}`)) return `${kind}-${number}`;
}

/** From the API's places to shapes. */
export function toShapes({ zones, lines, ground }) {
  const made = [
    ...Object.entries(zones).map(([name, { polygon }]) => ({ kind: "zone", name, was: name, points: polygon })),
    ...Object.entries(lines).map(([name, { points }]) => ({ kind: "line", name, was: name, points })),
  ];
  if (ground) made.push({ kind: "ground", name: "ground", was: "ground", points: ground.points, metres: ground.metres });
  return made;
}

/** From shapes to what the API takes. */
export function toPlaces(shapes) {
  const of = (kind, key) => Object.fromEntries(shapes.filter((shape) => shape.kind === kind).map((shape) => [shape.name, { [key]: shape.points }]));
  const ground = shapes.find((shape) => shape.kind === "ground");
  const renamed = shapes.filter((shape) => shape.kind !== "ground" && shape.was && shape.was !== shape.name).map((shape) => [shape.was, shape.name]);
  return { zones: of("zone", "polygon"), lines: of("line", "points"), ground: ground ? { points: ground.points, metres: ground.metres } : null, renamed: Object.fromEntries(renamed) };
}

/** A new shape of some points. */
export const newShape = (kind, points, shapes) => ({ kind, name: kind === "ground" ? "ground" : freeName(kind, shapes), was: null, points, ...(kind === "ground" ? { metres: METRES } : {}) });

/** Steps back and forth. States are never changed once they are kept. */
export class History {
  #past = [];
  #future = [];

  /** Keeps how it was before a change. */
  keep(state) {
    this.#past.push(JSON.stringify(state));
    if (this.#past.length > 200) this.#past.shift();
    this.#future = [];
  }

  undo = (state) => History.#step(this.#past, this.#future, state);
  redo = (state) => History.#step(this.#future, this.#past, state);
  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  static #step(from, to, state) {
    if (!from.length) return state;
    to.push(JSON.stringify(state));
    return JSON.parse(from.pop());
  }
}
