// Shapes drawn over a picture as SVG, for pointer, touch and keyboard. What they are is `shapes.js`'s; who keeps them is the page's.

import { label, s, sides } from "./glyphs.js";
import { n, t } from "./messages.js";
import { crossings, edges, fault, LEAST, moved, MOST, newShape, share } from "./shapes.js";

const STEP = 0.005;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WORDS = { zone: t("Zone"), line: t("Line"), ground: t("Ground") };

/**
 * `root` is an SVG to be laid over the picture. `shapes` is drawn by `draw()`; `selected` is a number or -1.
 * `on` has `before()` (a change comes), `changed()`, `selected()`, `remove(at)` and `drawing(kind or null)`.
 */
export class Drawing {
  shapes = [];
  selected = -1;
  #size = [1, 1];
  #new = null; // {kind, points, at}: what is being drawn, and where the pointer is
  #drag = null;

  constructor(on) {
    this.on = on;
    this.root = s("svg", { class: "drawing", tabindex: 0, role: "application", "aria-label": t("Zones and lines over the picture. Tab walks, the arrow keys move, Delete deletes.") });
    new ResizeObserver(([entry]) => {
      this.#size = [Math.max(1, entry.contentRect.width), Math.max(1, entry.contentRect.height)];
      this.root.setAttribute("viewBox", `0 0 ${this.#size[0]} ${this.#size[1]}`);
      this.draw();
    }).observe(this.root);
    this.root.addEventListener("pointerdown", (event) => this.#down(event));
    this.root.addEventListener("pointermove", (event) => this.#move(event));
    this.root.addEventListener("pointerup", () => this.#up());
    this.root.addEventListener("pointercancel", () => this.#up());
    this.root.addEventListener("dblclick", () => this.finish());
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Begins a shape: the next clicks are its corners. */
  begin(kind) {
    this.#new = { kind, points: [], at: [0.5, 0.5] };
    this.select(-1);
    this.on.drawing(kind);
    this.root.focus();
  }

  get isDrawing() { return this.#new !== null; }

  /** Ends the shape that is being drawn; one with too few corners is forgotten. */
  finish() {
    const made = this.#new;
    if (!made) return;
    this.#new = null;
    if (made.points.length >= LEAST[made.kind]) {
      this.on.before();
      this.shapes.push(newShape(made.kind, made.points, this.shapes));
      this.selected = this.shapes.length - 1;
      this.on.changed();
      this.on.selected();
    }
    this.on.drawing(null);
    this.draw();
    this.#focus("0");
  }

  /** Forgets the shape that is being drawn. */
  cancel() {
    this.#new = null;
    this.on.drawing(null);
    this.draw();
  }

  select(at) {
    if (this.selected !== at) {
      this.selected = at;
      this.on.selected();
    }
    this.draw();
  }

  // ---------------------------------------------------------------- drawing
  #px = ([x, y]) => [x * this.#size[0], y * this.#size[1]];

  draw() {
    const focused = document.activeElement?.closest?.(".drawing") === this.root ? document.activeElement.dataset.key : null;
    this.root.classList.toggle("busy", this.isDrawing);
    const order = this.shapes.map((_, at) => at).sort((a, b) => (a === this.selected) - (b === this.selected));
    this.root.replaceChildren(...order.map((at) => this.#shape(at)), ...(this.#new ? [this.#unfinished()] : []));
    if (focused) this.#focus(focused);
  }

  #focus(key) {
    this.root.querySelector(`[data-key="${key}"]`)?.focus();
  }

  #path(points, closed) {
    return `M${points.map((point) => this.#px(point).map((value) => value.toFixed(1)).join(" ")).join("L")}${closed ? "Z" : ""}`;
  }

  #shape(at) {
    const shape = this.shapes[at];
    const closed = shape.kind !== "line";
    const chosen = at === this.selected;
    const bad = closed ? crossings(shape.points) : new Set();
    const wrong = fault(shape);
    const [x, y] = this.#px(shape.points.reduce((best, point) => (point[1] < best[1] ? point : best)));
    return s("g", { class: `shape ${shape.kind}${chosen ? " chosen" : ""}${wrong ? " wrong" : ""}`, "data-shape": shape.name },
      s("path", { class: "touch", d: this.#path(shape.points, closed), "data-at": at }),
      s("path", { class: "body", d: this.#path(shape.points, closed), "data-at": at, tabindex: 0, role: "button", "data-key": chosen ? "whole" : `shape-${at}`,
        "aria-label": [n("{kind} {name}, {count} point", "{kind} {name}, {count} points", shape.points.length, { kind: WORDS[shape.kind], name: shape.name }), wrong].filter(Boolean).join(". "), "aria-pressed": String(chosen) }),
      ...[...bad].map((edge) => s("path", { class: "cross", d: this.#path(edges(shape.points, true)[edge], false) })),
      ...(shape.kind === "line" ? sides(shape.points.map(this.#px)) : []),
      label("name", shape.name, Math.min(Math.max(x, 4), this.#size[0] - 8 * shape.name.length - 12), Math.max(y - 10, 16)),
      ...(chosen && !this.isDrawing ? this.#handles(shape) : []));
  }

  #handle(key, point, attributes, small = false) {
    const [cx, cy] = this.#px(point).map((value) => value.toFixed(1));
    return s("g", { class: small ? "handle middle" : "handle", tabindex: 0, role: "button", "data-key": key, ...attributes },
      s("circle", { class: "reach", cx, cy, r: small ? 13 : 20 }), s("circle", { class: "dot", cx, cy, r: small ? 4.5 : 7 }));
  }

  #handles({ kind, name, points }) {
    const middles = kind === "ground" || points.length >= MOST[kind] ? [] : edges(points, kind !== "line").map(([[ax, ay], [bx, by]], at) =>
      this.#handle(`middle-${at}`, [(ax + bx) / 2, (ay + by) / 2], { "data-middle": at, "aria-label": t("Insert a corner after {at} of {name}", { at: at + 1, name }) }, true));
    return [...middles, ...points.map(([x, y], at) => this.#handle(String(at), [x, y],
      { "data-corner": at, "aria-label": t("Corner {at} of {name}, {x} % from the left, {y} % from the top", { at: at + 1, name, x: Math.round(100 * x), y: Math.round(100 * y) }) }))];
  }

  #unfinished() {
    const { kind, points, at } = this.#new;
    const [x, y] = this.#px(at);
    return s("g", { class: `shape ${kind} new` },
      points.length ? s("path", { class: "body", d: this.#path([...points, at], false) }) : null,
      ...points.map((point) => s("circle", { class: "dot", cx: this.#px(point)[0].toFixed(1), cy: this.#px(point)[1].toFixed(1), r: 5 })),
      s("path", { class: "cross-hair", d: `M${x - 12} ${y}H${x + 12}M${x} ${y - 12}V${y + 12}` }));
  }

  // ---------------------------------------------------------------- pointer
  #point(event) {
    const box = this.root.getBoundingClientRect();
    return [share((event.clientX - box.left) / box.width), share((event.clientY - box.top) / box.height)];
  }

  #down(event) {
    if (event.button > 0) return;
    const point = this.#point(event);
    if (this.#new) {
      this.#add(point);
      event.preventDefault();
      return;
    }
    const node = event.target.closest("[data-corner], [data-middle], [data-at]");
    if (!node) {
      this.select(-1);
      return;
    }
    event.preventDefault();
    this.root.setPointerCapture(event.pointerId);
    const { corner, middle, at } = node.dataset;
    if (at !== undefined) this.select(Number(at));
    const shape = this.shapes[this.selected];
    this.#drag = { corner: corner === undefined ? -1 : Number(corner), middle: middle === undefined ? -1 : Number(middle), from: point, points: shape.points, began: false };
    this.#focus(corner ?? (middle === undefined ? "whole" : `middle-${middle}`));
  }

  #move(event) {
    const point = this.#point(event);
    if (this.#new) {
      this.#new.at = point;
      this.draw();
      return;
    }
    const drag = this.#drag;
    if (!drag) return;
    const by = [point[0] - drag.from[0], point[1] - drag.from[1]];
    // A finger that only touches must not move anything.
    if (!drag.began && Math.hypot(by[0] * this.#size[0], by[1] * this.#size[1]) < 3) return;
    const shape = this.shapes[this.selected];
    if (!drag.began) {
      this.on.before();
      drag.began = true;
      if (drag.middle >= 0) {
        drag.corner = drag.middle + 1;
        drag.points = shape.points.toSpliced(drag.corner, 0, drag.from);
      }
    }
    shape.points = drag.corner >= 0 ? drag.points.with(drag.corner, point) : moved(drag.points, by);
    this.draw();
  }

  #up() {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    if (drag.began) this.on.changed();
    else if (drag.middle >= 0) this.#insert(drag.middle);
    if (drag.corner >= 0) this.#focus(String(drag.corner));
  }

  #add(point) {
    const { kind, points } = this.#new;
    const first = points[0] && this.#px(points[0]);
    const [x, y] = this.#px(point);
    const last = points.at(-1) && this.#px(points.at(-1));
    if (last && Math.hypot(last[0] - x, last[1] - y) < 4) return; // the second click of a double one
    if (kind !== "line" && points.length >= LEAST[kind] && Math.hypot(first[0] - x, first[1] - y) < 14) {
      this.finish();
      return;
    }
    points.push(point);
    this.#new.at = point;
    if (points.length >= MOST[kind]) this.finish();
    else this.draw();
  }

  // ---------------------------------------------------------------- keyboard
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const scale = event.shiftKey ? 4 * STEP : STEP;
    if (this.#new) this.#keyWhileDrawing(event, arrow, scale);
    else this.#keyOnShape(event, arrow, scale);
  }

  #keyWhileDrawing(event, arrow, scale) {
    if (arrow) this.#new.at = [share(this.#new.at[0] + 2 * arrow[0] * scale), share(this.#new.at[1] + 2 * arrow[1] * scale)];
    else if (event.key === " ") this.#add([...this.#new.at]);
    else if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.cancel();
    else if (event.key === "Backspace" || event.key === "Delete") this.#new.points.pop();
    else return;
    event.preventDefault();
    if (this.#new) this.draw();
  }

  #keyOnShape(event, arrow, scale) {
    const { corner, middle, at } = event.target.dataset ?? {};
    if (at !== undefined && (event.key === "Enter" || event.key === " ")) this.#chooseByKey(Number(at));
    else if (event.key === "Escape" && this.selected >= 0) this.select(-1);
    else if (this.selected < 0 || (corner === undefined && middle === undefined && Number(at) !== this.selected)) return;
    else if (arrow && middle === undefined) this.#nudge(corner, [arrow[0] * scale, arrow[1] * scale]);
    else if (middle !== undefined && (event.key === "Enter" || event.key === " ")) this.#insert(Number(middle));
    else if (event.key === "Delete" || event.key === "Backspace") this.#delete(corner);
    else if (event.key === "Enter") this.#focus("whole");
    else return;
    event.preventDefault();
  }

  #chooseByKey(at) {
    this.select(at);
    this.#focus("0");
  }

  #nudge(corner, [dx, dy]) {
    const shape = this.shapes[this.selected];
    this.on.before();
    if (corner === undefined) shape.points = moved(shape.points, [dx, dy]);
    else shape.points = shape.points.with(Number(corner), [share(shape.points[corner][0] + dx), share(shape.points[corner][1] + dy)]);
    this.on.changed();
    this.draw();
  }

  #insert(after) {
    const shape = this.shapes[this.selected];
    const [[ax, ay], [bx, by]] = edges(shape.points, shape.kind !== "line")[after];
    this.on.before();
    shape.points = shape.points.toSpliced(after + 1, 0, [share((ax + bx) / 2), share((ay + by) / 2)]);
    this.on.changed();
    this.draw();
    this.#focus(String(after + 1));
  }

  #delete(corner) {
    const shape = this.shapes[this.selected];
    if (corner === undefined || shape.points.length <= LEAST[shape.kind]) {
      this.on.remove(this.selected);
      return;
    }
    this.on.before();
    shape.points = shape.points.toSpliced(Number(corner), 1);
    this.on.changed();
    this.draw();
    this.#focus(String(Math.min(Number(corner), shape.points.length - 1)));
  }
}
