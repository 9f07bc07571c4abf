// Boxes, zones and lines over a picture, on a canvas of the screen's own resolution.

import { t } from "./messages.js";
import { className } from "./things.js";

const COLOURS = { person: "#4fd1ff", moving: "#ffd166", car: "#b79bff", truck: "#b79bff", bus: "#b79bff", motorcycle: "#ff9f7a", bicycle: "#7be495" };
const OTHERS = ["#ff8fc7", "#9ef07a", "#ffb86b", "#8be9fd", "#d6a2ff"];
const ZONE = "#5b9dff";
const LINE = "#ffb02e";

/** One colour for a class, the same everywhere. */
export function classColour(name) {
  if (COLOURS[name]) return COLOURS[name];
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return OTHERS[sum % OTHERS.length];
}

/** Where a picture of `ratio` (width / height) lies in a box of `width` x `height` that contains it whole. */
export function contain(width, height, ratio) {
  const w = Math.min(width, height * ratio);
  const h = w / ratio;
  return { x: (width - w) / 2, y: (height - h) / 2, w, h };
}

const TAG = 18;

/** Where a tag of `width` may stand at a box from `top` to `bottom`: above, inside, or below it, in the picture and clear of `taken`; null for nowhere. */
export function tagPlace(width, x, top, bottom, area, taken) {
  const left = Math.max(area.x, Math.min(x, area.x + area.w - width));
  const free = (y) => y >= area.y && y + TAG <= area.y + area.h && !taken.some((one) => left < one.left + one.width && one.left < left + width && y < one.y + TAG && one.y < y + TAG);
  const y = [top - TAG, top, bottom].find(free);
  return y === undefined ? null : { left, y, width };
}

/** A label on a filled tag; kept inside the picture. One that would cover another is left out. */
function tag(pen, text, x, y, colour, area, { bottom = y, taken = [] } = {}) {
  const width = pen.measureText(text).width + 10;
  const place = tagPlace(width, x, y, bottom, area, taken);
  if (!place) return;
  taken.push(place);
  const { left, y: top } = place;
  pen.fillStyle = colour;
  pen.fillRect(left, top, width, 18);
  pen.fillStyle = "#0a0d13";
  pen.fillText(text, left + 5, top + 13);
}

function trace(pen, points, area) {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(area.x + x * area.w, area.y + y * area.h);
}

function drawZones(pen, shapes, area) {
  pen.lineWidth = 2;
  for (const [name, zone] of Object.entries(shapes.zones ?? {})) {
    trace(pen, zone.polygon, area);
    pen.closePath();
    pen.fillStyle = `${ZONE}2e`;
    pen.fill();
    pen.strokeStyle = ZONE;
    pen.stroke();
    const [x, y] = zone.polygon.reduce((best, point) => (point[1] < best[1] ? point : best));
    tag(pen, name, area.x + x * area.w, area.y + y * area.h, ZONE, area);
  }
  for (const [name, line] of Object.entries(shapes.lines ?? {})) {
    trace(pen, line.points, area);
    pen.strokeStyle = LINE;
    pen.stroke();
    drawSides(pen, line.points, area);
    tag(pen, name, area.x + line.points[0][0] * area.w, area.y + line.points[0][1] * area.h, LINE, area);
  }
}

/** The letters A and B beside a tripwire's middle: walking from its first point, A is on the left hand. */
function drawSides(pen, points, area) {
  const half = Math.floor((points.length - 1) / 2);
  const [[x1, y1], [x2, y2]] = [points[half], points[half + 1]].map(([x, y]) => [area.x + x * area.w, area.y + y * area.h]);
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [nx, ny] = [((y2 - y1) / length) * 14, (-(x2 - x1) / length) * 14];
  pen.fillStyle = LINE;
  for (const [letter, side] of [["A", 1], ["B", -1]]) pen.fillText(letter, (x1 + x2) / 2 + nx * side - 4, (y1 + y2) / 2 + ny * side + 4);
}

const WHO = { unknown: t("unknown"), spoof: t("no living face") };
const LONGEST_NAME = 40;

/** What stands at a box: who it is, where that is decided, and what it is, as far as there is room. */
export function label([, name, score, , , , , who, person], wide) {
  const word = className(name);
  const thing = score > 0 && wide ? `${word} ${Math.round(score * 100)} %` : word;
  if (!who) return thing;
  const said = who === "known" ? (person.length > LONGEST_NAME ? `${person.slice(0, LONGEST_NAME - 1).trimEnd()}…` : person) : WHO[who] ?? who;
  return wide ? `${said} · ${thing}` : said;
}

/** A text of at most so many px, cut at its end. */
function fitting(pen, text, most) {
  let short = text;
  while (short.length > 2 && pen.measureText(short).width > most) short = `${short.slice(0, -2)}…`;
  return short;
}

function drawBoxes(pen, boxes, area, labels) {
  pen.lineWidth = 2;
  const placed = boxes.map((row) => {
    const [, name, , x1, y1, x2, y2, who] = row;
    return { row, known: who === "known", colour: classColour(name), x: area.x + x1 * area.w, y: area.y + y1 * area.h, w: (x2 - x1) * area.w, h: (y2 - y1) * area.h };
  });
  for (const { colour, x, y, w, h } of placed) {
    pen.strokeStyle = "rgb(5 7 10 / 0.55)";
    pen.strokeRect(x - 1, y - 1, w + 2, h + 2);
    pen.strokeStyle = colour;
    pen.strokeRect(x, y, w, h);
  }
  const taken = [];
  // Whom panops knows, then the largest, and so the nearest, are named first where there is no room for all. A small tile only says who.
  for (const { row, colour, x, y, h } of placed.toSorted((a, b) => b.known - a.known || b.w * b.h - a.w * a.h)) {
    if (labels || row[7]) tag(pen, fitting(pen, label(row, area.w >= 420), area.w - 10), x - 1, y - 1, colour, area, { bottom: y + h + 1, taken });
  }
}

/** An overlay canvas; draws again when its size, boxes or shapes change, and not otherwise. */
export class Overlay {
  boxes = [];
  shapes = null;
  ratio = 16 / 9;
  #blank = true;

  constructor(canvas) {
    this.canvas = canvas;
    this.size = [0, 0];
    new ResizeObserver(([entry]) => {
      this.size = [entry.contentRect.width, entry.contentRect.height];
      this.#blank = false;
      this.draw();
    }).observe(canvas);
  }

  /** Boxes are `[track, class, score, x1, y1, x2, y2]` in shares of the picture, perhaps with `who, name` behind; shapes are `{zones, lines}` or null. */
  draw() {
    const [width, height] = this.size;
    const nothing = !this.boxes.length && !this.shapes;
    if (!width || (nothing && this.#blank)) return;
    const scale = Math.min(devicePixelRatio || 1, 2);
    const { canvas } = this;
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    this.#blank = nothing;
    canvas.dataset.boxes = this.boxes.length;
    if (nothing) return;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = "600 12px system-ui, sans-serif";
    const area = contain(width, height, this.ratio);
    if (this.shapes) drawZones(pen, this.shapes, area);
    drawBoxes(pen, this.boxes, area, width >= 230);
  }
}
