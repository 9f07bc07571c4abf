// A list of events as cards by day, of which only those near the screen are in the document.

import { thumb } from "./brief.js";
import { empty, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { plural } from "./things.js";
import { clock, dayKey, dayName } from "./time.js";
import { LINE_KINDS, kindOf, lasted, placeOf, severityOf, statusOf } from "./words.js";

const OVERSCAN_PX = 700;
const REST_MS = 120; // a list that stood still for so long is looked at

/** What tells whether a card must be drawn anew. */
const stamp = (event) => [event.updated_at_s, event.ended_at_s, event.status, event.kept, event.has_snapshot, event.note, event.suppressed_by].join();

function badges(event) {
  const status = statusOf(event.status);
  return h("span", { class: "badges" },
    event.suppressed_by ? h("span", { class: "chip grey" }, icon("flag", true), t("Suppressed")) : event.status === "new" ? h("span", { class: "chip new" }, t("New")) : h("span", { class: "chip" }, icon(status.icon, true), status.word),
    event.ended_at_s === null ? h("span", { class: "chip going" }, t("Now")) : null,
    event.kept ? h("span", { class: "chip kept", title: t("Kept: never deleted") }, icon("kept", true)) : null);
}

function inside(event, bare) {
  const severity = severityOf(event.severity);
  const symbol = icon(severity.icon, true);
  symbol.dataset.severity = severity.word;
  const place = h("span", { class: "sub place", title: t("{place}, rule {rule}", { place: placeOf(event), rule: event.rule_id }) },
    icon(LINE_KINDS.has(event.kind) ? "line" : "zone", true), h("span", { class: "ellipsis" }, placeOf(event)), h("span", { class: "ellipsis rule-id" }, event.rule_id));
  return [h("span", { class: "shot" }, bare ? icon("picture") : thumb(event), badges(event)),
    h("span", { class: `text ${severity.tone}` },
      h("span", { class: "kind" }, symbol, h("span", { class: "ellipsis" }, kindOf(event.kind).word)), h("span", { class: "time" }, clock(event.started_at_s)),
      h("span", { class: "sub where ellipsis" }, event.camera_name || event.camera_id), h("span", { class: "sub lasted" }, lasted(event)), place)];
}

/**
 * Draws into `root`, which scrolls inside `scroller`. `onOpen(event)` for a click, `onNearEnd()` when more should be loaded;
 * `onCheck(event, range)` for a click on a check mark, which only cards with it have.
 */
export class Cards {
  events = [];
  selected = null;
  /** Nothing older is to come, so the last day's count is final. */
  complete = false;
  fresh = new Set();
  /** Ids of the cards with a check mark. */
  checked = new Set();
  #rows = [];
  #nodes = new Map();
  #days = new Map();
  #size = { columns: 1, width: 0, card: 0, gap: 12 };
  #queued = false;
  #top = 0;
  #flying = 0; // the timer while the list is scrolled faster than it can be looked at: its pictures are asked for when it rests

  constructor(root, scroller, { onOpen, onNearEnd, onCheck = null }) {
    Object.assign(this, { root, scroller, onOpen, onNearEnd, onCheck });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(root);
  }

  /** The events, newest first. */
  set(events) {
    this.events = events;
    this.layout();
  }

  /** Grey shapes where cards will be. */
  skeleton() {
    this.#measure();
    const { columns, width, card, gap } = this.#size;
    this.#clear();
    this.root.replaceChildren(...Array.from({ length: columns * 3 }, (_, at) => {
      const node = h("div", { class: "event-card bone" }, h("span", { class: "shot skeleton" }), h("span", { class: "text" }, h("span", { class: "skeleton line" })));
      return this.#place(node, (at % columns) * (width + gap), 46 + Math.floor(at / columns) * (card + gap));
    }));
    this.root.style.height = `${46 + 3 * (card + gap)}px`;
  }

  /** Nothing to list, and why. */
  message(symbol, title, text, actions, bad) {
    this.#clear();
    this.events = [];
    this.#rows = [];
    this.root.style.height = "";
    this.root.replaceChildren(empty(symbol, title, text, actions, bad));
  }

  /** Marks one event; `reveal` scrolls it into sight. */
  select(id, reveal = false) {
    this.selected = id;
    for (const [key, { node }] of this.#nodes) this.#mark(node, key === id);
    // Who goes on by keyboard takes the focus along.
    if (id !== null && this.root.contains(document.activeElement)) this.#nodes.get(id)?.node.focus({ preventScroll: true });
    if (!reveal) return;
    const at = this.events.findIndex((event) => event.event_id === id);
    const row = this.#rows.find((one) => at >= one.first && at < one.end);
    if (!row) return;
    const { scroller } = this;
    if (row.y < scroller.scrollTop + 50) scroller.scrollTop = Math.max(0, row.y - 60);
    else if (row.y + row.height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = row.y + row.height + 16 - scroller.clientHeight;
    this.#draw();
  }

  /** Sets which cards have a check mark. */
  check(ids) {
    this.checked = new Set(ids);
    this.root.classList.toggle("choosing", this.checked.size > 0);
    for (const [id, { tick }] of this.#nodes) tick?.setAttribute("aria-pressed", String(this.checked.has(id)));
  }

  /** The card of an event, while it is in the document. */
  node(id) {
    return this.#nodes.get(id)?.node;
  }

  /** Works out the rows again: after the events or the width changed. */
  layout() {
    if (!this.events.length) return;
    this.#measure();
    const { columns, card, gap } = this.#size;
    const head = matchMedia("(max-width: 760px)").matches ? 40 : 46;
    this.#rows = [];
    let [y, at] = [0, 0];
    while (at < this.events.length) {
      const day = dayKey(this.events[at].started_at_s);
      let end = at;
      while (end < this.events.length && dayKey(this.events[end].started_at_s) === day) end += 1;
      this.#rows.push({ y, height: head, day, first: -1, end: -1, at, count: end - at });
      y += head;
      for (; at < end; at += columns) {
        this.#rows.push({ y, height: card, first: at, end: Math.min(at + columns, end) });
        y += card + gap;
      }
      at = end;
    }
    this.root.style.height = `${y}px`;
    this.#draw();
  }

  #measure() {
    const phone = matchMedia("(max-width: 760px)").matches;
    const full = this.root.clientWidth;
    const gap = phone ? 10 : 14;
    const columns = Math.max(1, Math.floor((full + gap) / ((phone ? 152 : 212) + gap)));
    const width = Math.floor((full - gap * (columns - 1)) / columns);
    this.#size = { columns, width, gap, card: Math.round((width * 9) / 16) + (phone ? 114 : 82) };
  }

  #clear() {
    this.#nodes.clear();
    this.#days.clear();
  }

  #scrolled() {
    const by = Math.abs(this.scroller.scrollTop - this.#top);
    this.#top = this.scroller.scrollTop;
    if (this.#flying || by > this.scroller.clientHeight / 2) {
      clearTimeout(this.#flying);
      this.#flying = setTimeout(() => {
        this.#flying = 0;
        this.#soon();
      }, REST_MS);
    }
    this.#soon();
  }

  #soon() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.#draw();
    });
  }

  #place(node, x, y) {
    const { width, card } = this.#size;
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = `${width}px`;
    node.style.height = `${card}px`;
    return node;
  }

  #mark(node, on) {
    if (on) node.setAttribute("aria-current", "true");
    else node.removeAttribute("aria-current");
  }

  #draw() {
    if (!this.events.length) return;
    const { scroller, root } = this;
    const [top, bottom] = [scroller.scrollTop - OVERSCAN_PX, scroller.scrollTop + scroller.clientHeight + OVERSCAN_PX];
    const wanted = [];
    for (const row of this.#rows) {
      if (row.y + row.height < top) continue;
      if (row.y > bottom) break;
      if (row.day) wanted.push(this.#heading(row));
      else for (let at = row.first; at < row.end; at += 1) wanted.push(this.#card(at, row));
    }
    const keep = new Set(wanted);
    for (const [id, { cell }] of this.#nodes) if (!keep.has(cell)) this.#nodes.delete(id);
    for (const [day, node] of this.#days) if (!keep.has(node)) this.#days.delete(day);
    for (const node of [...root.children]) if (!keep.has(node)) node.remove();
    // In reading order, moving only what is out of place: a moved node would lose the focus.
    wanted.forEach((node, at) => {
      if (root.children[at] !== node) root.insertBefore(node, root.children[at] ?? null);
    });
    if (scroller.scrollTop + scroller.clientHeight * 2 > root.clientHeight) this.onNearEnd();
  }

  #heading(row) {
    let node = this.#days.get(row.day);
    if (!node) this.#days.set(row.day, (node = h("div", { class: "day" }, h("h3", {}), h("span", {}))));
    node.firstChild.textContent = dayName(this.events[row.at].started_at_s);
    node.lastChild.textContent = row.at + row.count < this.events.length || this.complete ? plural(row.count, "event") : "";
    node.style.transform = `translateY(${row.y}px)`;
    return node;
  }

  #card(at, row) {
    const event = this.events[at];
    const id = event.event_id;
    let entry = this.#nodes.get(id);
    if (!entry) {
      const node = h("a", { class: "event-card", href: `/events/${encodeURIComponent(id)}${location.search}`, data: { id } });
      node.addEventListener("click", (click) => {
        if (click.ctrlKey || click.metaKey || click.shiftKey) return;
        click.preventDefault();
        this.onOpen(this.events.find((one) => one.event_id === id) ?? event);
      });
      const tick = this.onCheck && h("button", { class: "tick", type: "button", "aria-label": t("Choose"), title: t("Choose (X); with Shift: all up to here"), "aria-pressed": String(this.checked.has(id)) }, icon("check"));
      tick?.addEventListener("click", ({ shiftKey }) => this.onCheck(this.events.find((one) => one.event_id === id) ?? event, shiftKey));
      entry = { node, tick, cell: h("div", { class: "event-cell" }, node, tick), stamp: "" };
      this.#nodes.set(id, entry);
    }
    const bare = this.#flying > 0 && (entry.bare ?? true);
    const now = `${bare ? "bare," : ""}${stamp(event)}`;
    if (entry.stamp !== now) {
      Object.assign(entry, { stamp: now, bare });
      this.#fill(entry.node, event, bare);
    }
    this.#mark(entry.node, id === this.selected);
    const { width, gap } = this.#size;
    return this.#place(entry.cell, (at - row.first) * (width + gap), row.y);
  }

  #fill(node, event, bare) {
    const [shot, text] = inside(event, bare);
    const old = node.querySelector("img");
    const fresh = shot.querySelector("img");
    if (old && fresh && old.getAttribute("src") === fresh.getAttribute("src")) fresh.replaceWith(old); // no flicker
    node.replaceChildren(shot, text);
    node.classList.toggle("done", event.status === "false_alarm");
    if (this.fresh.delete(event.event_id)) node.classList.add("fresh");
    node.setAttribute("aria-label", [severityOf(event.severity).word, kindOf(event.kind).word, event.camera_name || event.camera_id, placeOf(event), `rule ${event.rule_id}`, clock(event.started_at_s), statusOf(event.status).word].join(", "));
  }
}
