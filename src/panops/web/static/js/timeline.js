// A line of time with what was recorded, what moved and what happened on it: drag, zoom, click, keys.

import { h } from "./dom.js";
import { t } from "./messages.js";
import { clock, dayKey, moment } from "./time.js";

export const DAY_S = 86400;
const SHORTEST_S = 60;
const LONGEST_S = 2 * DAY_S;
const CLICK_PX = 5;
const STEPS_S = [5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200];
const HEIGHT = 76;
const BAND = { top: 26, height: 26 };
const MOTION = { top: 54, height: 7 };
const EVENT = { top: 64, height: 9 };

/** `onSeek(at_s)` when a moment is chosen, `onView(from_s, to_s)` when another span is shown. */
export class Timeline {
  at_s = null;
  marks = [null, null];
  data = { spans: [], motion: [], events: [], protected: [] };
  #pointers = new Map();
  #moved = 0;
  #colours = {};

  constructor({ onSeek, onView }) {
    [this.onSeek, this.onView] = [onSeek, onView];
    this.to_s = Date.now() / 1000;
    this.from_s = this.to_s - DAY_S;
    this.canvas = h("canvas", {});
    this.root = h("div", { class: "timeline", tabindex: "0", role: "slider", "aria-label": t("Time in the recording"), "aria-orientation": "horizontal" }, this.canvas);
    this.root.addEventListener("pointerdown", (event) => this.#down(event));
    this.root.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) this.root.addEventListener(type, (event) => this.#up(event, type === "pointerup"));
    this.root.addEventListener("wheel", (event) => {
      event.preventDefault();
      const turned = event.deltaY || event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(Math.sign(turned) * 0.1);
      else this.zoom(turned > 0 ? 1.25 : 0.8, this.#time(event.offsetX));
    }, { passive: false });
    this.root.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.root);
    new MutationObserver(() => this.#repaint()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.#repaint();
  }

  get span_s() {
    return this.to_s - this.from_s;
  }

  /** Shows `[from_s, to_s]`, held to a sensible length and to the past. */
  show(from_s, to_s) {
    const length = Math.min(LONGEST_S, Math.max(SHORTEST_S, to_s - from_s));
    const latest = Date.now() / 1000 + length * 0.03;
    const end = Math.min(to_s, latest);
    [this.from_s, this.to_s] = [end - length, end];
    this.#describe();
    this.draw();
    this.onView(this.from_s, this.to_s);
  }

  /** Moves by a share of what is shown. */
  pan(share) {
    this.show(this.from_s + share * this.span_s, this.to_s + share * this.span_s);
  }

  /** Shows `factor` times as much, around `around_s`. */
  zoom(factor, around_s = this.at_s ?? this.to_s) {
    const length = Math.min(LONGEST_S, Math.max(SHORTEST_S, this.span_s * factor));
    const inside = around_s >= this.from_s && around_s <= this.to_s ? around_s : (this.from_s + this.to_s) / 2;
    const share = (inside - this.from_s) / this.span_s;
    this.show(inside - share * length, inside + (1 - share) * length);
  }

  /** Puts the playhead there; null for live. It is kept in sight while nobody drags. */
  setTime(at_s) {
    this.at_s = at_s;
    if (at_s !== null && !this.#pointers.size && (at_s < this.from_s || at_s > this.to_s)) this.show(at_s - this.span_s / 2, at_s + this.span_s / 2);
    this.#describe();
    this.draw();
  }

  #describe() {
    const { at_s } = this;
    for (const [name, value_s] of [["min", this.from_s], ["max", this.to_s], ["now", at_s ?? Date.now() / 1000]]) this.root.setAttribute(`aria-value${name}`, Math.round(value_s));
    this.root.setAttribute("aria-valuetext", at_s === null ? t("Live") : moment(at_s));
  }

  #time(x) {
    return this.from_s + (x / this.root.clientWidth) * this.span_s;
  }

  #down(event) {
    if (event.button) return;
    this.root.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.offsetX);
    this.#moved = this.#pointers.size > 1 ? CLICK_PX + 1 : 0;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    this.#pointers.set(event.pointerId, event.offsetX);
    this.#moved += Math.abs(event.offsetX - before);
    if (this.#moved <= CLICK_PX) return;
    if (others.length) {
      const [was, is] = [Math.abs(before - others[0]), Math.abs(event.offsetX - others[0])];
      if (was > 10 && is > 10) this.zoom(was / is, this.#time(others[0]));
    } else this.pan((before - event.offsetX) / this.root.clientWidth);
  }

  #up(event, chosen) {
    if (!this.#pointers.delete(event.pointerId) || !chosen || this.#moved > CLICK_PX) return;
    this.onSeek(Math.min(this.#time(event.offsetX), Date.now() / 1000));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 60 : 10;
    const from = this.at_s ?? Date.now() / 1000;
    const keys = {
      ArrowLeft: () => this.onSeek(from - step), ArrowRight: () => this.onSeek(Math.min(from + step, Date.now() / 1000)),
      PageUp: () => this.pan(-0.5), PageDown: () => this.pan(0.5), "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      Home: () => this.data.oldest_s && this.onSeek(this.data.oldest_s),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  #repaint() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["surface", "field", "line", "line-strong", "text", "muted", "accent", "accent-soft", "red", "amber", "green"]) this.#colours[name] = style.getPropertyValue(`--${name}`).trim();
    this.draw();
  }

  draw() {
    const width = this.root.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(HEIGHT * ratio)];
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const x = (at_s) => ((at_s - this.from_s) / this.span_s) * width;
    const bar = (from_s, to_s, { top, height }, colour, least = 1) => {
      const [left, right] = [Math.max(-2, x(from_s)), Math.min(width + 2, x(to_s))];
      if (right < 0 || left > width) return;
      pen.fillStyle = colour;
      pen.fillRect(left, top, Math.max(least, right - left), height);
    };
    const c = this.#colours;
    this.#hatch(pen, width, c);
    for (const [from_s, to_s] of this.data.spans) {
      bar(from_s, to_s, BAND, c.surface);
      bar(from_s, to_s, BAND, c["accent-soft"]);
    }
    for (const [from_s, to_s] of this.data.protected) bar(from_s, to_s, { top: BAND.top, height: 4 }, c.green);
    for (const [from_s, to_s] of this.data.motion) bar(from_s, to_s, MOTION, c.accent, 1.5);
    for (const one of this.data.events) bar(one.start_s, one.end_s ?? Date.now() / 1000, EVENT, one.severity === "alarm" ? c.red : c.amber, 3);
    const [begin, end] = this.marks;
    if (begin !== null && end !== null) {
      pen.globalAlpha = 0.35;
      bar(begin, end, { top: BAND.top - 4, height: HEIGHT - BAND.top + 4 }, c.accent);
      pen.globalAlpha = 1;
    }
    for (const mark of this.marks) if (mark !== null) bar(mark, mark, { top: BAND.top - 4, height: HEIGHT - BAND.top + 4 }, c.accent, 2);
    this.#ruler(pen, width, x, c);
    const now_s = Date.now() / 1000;
    bar(now_s, now_s, { top: 18, height: HEIGHT - 18 }, c.green, 2);
    if (this.at_s !== null) {
      const at = Math.round(x(this.at_s));
      pen.fillStyle = c.text;
      pen.fillRect(at - 1, 16, 2, HEIGHT - 16);
      pen.beginPath();
      pen.moveTo(at - 6, 14);
      pen.lineTo(at + 6, 14);
      pen.lineTo(at, 22);
      pen.fill();
    }
  }

  /** What was not recorded is hatched, not only another colour. */
  #hatch(pen, width, c) {
    pen.save();
    pen.beginPath();
    pen.rect(0, BAND.top, width, BAND.height);
    pen.clip();
    pen.strokeStyle = c["line-strong"];
    pen.lineWidth = 1;
    pen.beginPath();
    for (let left = -BAND.height; left < width; left += 8) {
      pen.moveTo(left, BAND.top + BAND.height);
      pen.lineTo(left + BAND.height, BAND.top);
    }
    pen.stroke();
    pen.restore();
  }

  #ruler(pen, width, x, c) {
    const step = STEPS_S.find((one) => (one / this.span_s) * width >= 64) ?? DAY_S;
    pen.fillStyle = c.muted;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "top";
    // From a midnight of the site's clock on, so that full hours are full hours there.
    const [hours, minutes, seconds] = clock(this.from_s).split(":").map(Number);
    let at_s = Math.floor(this.from_s) - (hours * 3600 + minutes * 60 + seconds);
    at_s += Math.ceil((this.from_s - at_s) / step) * step;
    for (; at_s <= this.to_s; at_s += step) {
      const left = Math.round(x(at_s));
      pen.fillStyle = c["line-strong"];
      pen.fillRect(left, 17, 1, 7);
      const time = clock(at_s);
      const text = time === "00:00:00" ? dayKey(at_s).slice(5).split("-").reverse().join(".") : step < 60 ? time : time.slice(0, 5);
      const wide = pen.measureText(text).width;
      pen.fillStyle = c.muted;
      if (left - wide / 2 > 0 && left + wide / 2 < width) pen.fillText(text, left - wide / 2, 3);
    }
  }
}
