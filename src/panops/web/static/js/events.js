// The events page: list on the left, one event on the right; on phones one or the other.

import { get, part, query } from "./api.js";
import { Cards } from "./cards.js";
import { Detail } from "./detail.js";
import { byId, empty, fill, h, icon, typing } from "./dom.js";
import { Filters } from "./filters.js";
import { t } from "./messages.js";
import { neighbour, order } from "./neighbour.js";
import { Selection } from "./selection.js";
import { announce, start, toast } from "./shell.js";
import { plural } from "./things.js";
import { kindOf } from "./words.js";

const PAGE = 60;
const QUIET_MS = 5000;
const wide = matchMedia("(min-width: 1081px)");
const scroller = byId("scroll");
const pill = byId("pill");
const waiting = new Map();
let cursor = null;
let loading = null;
let ended = false;
let touchedAt = -Infinity;
let opened = false;
let stepping = false;
let dropped = false;
/** How often the list was begun anew: what was asked for one belongs into no other. */
let listing = 0;

const { can, live } = await start();

const cards = new Cards(byId("list"), scroller, { onOpen: (event) => open(event), onNearEnd: () => more(), onCheck: can("operator") ? (event, range) => selection.toggle(event, range) : null });
const detail = new Detail(byId("pane"), { can, onChange: (event) => merge(event), onClose: () => close(), onStep: (by) => step(by) });
const selection = new Selection(byId("chosen"), cards, { onChange: (event) => { merge(event); detail.update(event, "review"); }, onUndo: (undo) => { detail.undo = undo; } });
const filters = new Filters(byId("filters"), () => {
  history.replaceState(history.state, "", (location.pathname.startsWith("/events/") && wide.matches ? location.pathname : "/events") + filters.search());
  reload();
});

// ---------------------------------------------------------------- the list
async function reload() {
  listing += 1;
  loading?.abort();
  [cursor, ended, loading] = [null, false, null];
  waiting.clear();
  showPill();
  selection.clear();
  byId("end").textContent = "";
  cards.set([]);
  cards.skeleton();
  scroller.scrollTop = 0;
  filters.understood(null);
  await more(true);
}

async function more(first = false) {
  if (loading || ended) return;
  const mine = new AbortController();
  loading = mine;
  const connected = live.up;
  if (!first) byId("end").textContent = t("Loading older events …");
  try {
    const page = await get(`/events${query({ ...filters.wanted(), cursor, limit: PAGE })}`, { signal: mine.signal });
    if (loading !== mine) return undefined; // other filters were chosen in the very moment that it came
    // What was told while the answer was on its way stays: the answer may be older than that.
    const known = new Map(cards.events.map((event) => [event.event_id, event]));
    for (const event of page.events) known.set(event.event_id, newerOf(known.get(event.event_id), event));
    const events = [...known.values()].sort(order);
    // What happens before the connection is there is asked for then; it may have come while the answer was on its way.
    if (first && !connected) {
      dropped = true;
      if (live.up) catchUp();
    }
    if (first) filters.understood(page.understood);
    cursor = page.next_cursor ?? null;
    ended = cursor === null;
    loading = null;
    if (!events.length) return nothing();
    byId("end").textContent = ended ? t("No older events") : "";
    cards.complete = ended;
    cards.set(events);
  } catch (error) {
    if (error.name === "AbortError" || loading !== mine) return undefined;
    loading = null;
    const again = h("button", { class: "button", onclick: () => (cards.events.length ? more() : reload()) }, icon("retry"), t("Try again"));
    if (cards.events.length) {
      ended = true; // until somebody asks again: no loop of failing requests
      again.addEventListener("click", () => { ended = false; }, { capture: true });
      fill(byId("end"), `${error.message} `, again);
    } else cards.message("warning", t("The events could not be read"), error.message, [again], true);
  }
  return undefined;
}

function nothing() {
  const all = h("button", { class: "button", onclick: () => filters.reset() }, t("Show all events"));
  if (filters.any) cards.message("filter", t("No event fits these filters"), t("Widen the time, or look at all cameras and kinds."), [all]);
  else cards.message("events", t("No events yet"), t("When a rule sees something, for example a person in a zone, it appears here with a picture, a clip and the reason."),
    can("admin") ? [h("a", { class: "button primary", href: "/cameras/new" }, icon("plus"), t("Add a camera")), h("a", { class: "button", href: "/cameras" }, t("Cameras"))] : []);
}

/** Puts changed or new events in; answers whether the list changed. */
function merge(event) {
  const at = cards.events.findIndex((one) => one.event_id === event.event_id);
  if (at < 0) return false;
  cards.set(cards.events.with(at, { ...cards.events[at], ...event }));
  return true;
}

/** Nobody is reading or pointing at the list, and it stands at its top: what is new may come in by itself. */
function idle() {
  return scroller.scrollTop < 8 && !detail.event && !scroller.matches(":hover") && !scroller.contains(document.activeElement) && performance.now() - touchedAt > QUIET_MS;
}

function insert() {
  const fresh = [...waiting.values()];
  waiting.clear();
  for (const event of fresh) cards.fresh.add(event.event_id);
  cards.set([...cards.events, ...fresh].sort(order));
  showPill();
}

function showPill() {
  pill.hidden = !waiting.size;
  if (waiting.size) fill(pill, icon("up"), `${waiting.size} new`);
}

/** Two words on one event: the later one. */
const newerOf = (one, other) => (one && one.updated_at_s >= other.updated_at_s ? one : other);

/** Older than all that is listed, while older ones are still to be loaded: it comes with them. */
const later = (event) => !ended && cards.events.length > 0 && order(event, cards.events.at(-1)) > 0;

live.on("event", hear).on("suppressed", hear);
function hear({ event, phase }) {
  detail.update(event, phase);
  if (merge(event)) return;
  if (!filters.match(event) || (later(event) && !waiting.has(event.event_id))) return;
  if (!waiting.has(event.event_id)) announce(t("New: {kind}, {camera}", { kind: kindOf(event.kind).word, camera: event.camera_name }));
  waiting.set(event.event_id, event);
  if (idle() || !cards.events.length) insert();
  else showPill();
}
live.on("down", () => { dropped = true; });
live.on("up", catchUp);
async function catchUp() {
  if (!dropped) return;
  dropped = false;
  const mine = listing;
  // What was missed during a break comes the same way as what is new.
  const page = await get(`/events${query({ ...filters.wanted(), limit: PAGE })}`).catch(() => ({ events: [] }));
  if (mine !== listing) return; // the list is one of other filters by now, and was read since
  for (const event of page.events) if (!merge(event) && !later(event)) waiting.set(event.event_id, event);
  if (waiting.size && (idle() || !cards.events.length)) insert();
  else showPill();
}
pill.addEventListener("click", () => {
  insert();
  scroller.scrollTo({ top: 0, behavior: "smooth" });
});
scroller.addEventListener("touchstart", () => { touchedAt = performance.now(); }, { passive: true });
scroller.addEventListener("scroll", () => { if (scroller.scrollTop > 8) touchedAt = performance.now(); }, { passive: true });

// ---------------------------------------------------------------- one event
const idHere = () => (location.pathname.startsWith("/events/") ? decodeURIComponent(location.pathname.slice(8)) : null);

function open(event, push = true) {
  const address = `/events/${part(event.event_id)}${filters.search()}`;
  if (push && idHere() === null) {
    history.pushState({ inside: true }, "", address);
  } else history.replaceState(history.state, "", address);
  show(event);
}

function show(event) {
  byId("layout").classList.add("open");
  opened = true;
  cards.select(event.event_id, wide.matches);
  return detail.open(event);
}

function close() {
  if (history.state?.inside) history.back();
  else {
    history.replaceState(null, "", `/events${filters.search()}`);
    closed();
  }
}

function closed() {
  const id = detail.event?.event_id ?? cards.selected;
  byId("layout").classList.remove("open");
  opened = false;
  detail.clear(hint());
  cards.layout();
  cards.select(id, !wide.matches);
  cards.select(null);
  cards.node(id)?.focus({ preventScroll: true });
}

function hint() {
  const key = (name, text) => [h("kbd", {}, name), h("span", {}, text)];
  const choose = can("operator") ? [...key("X", t("choose; with Shift all up to here"))] : [];
  const panel = empty("events", t("Choose an event"), t("Its picture, its clip and why it alarmed are shown here."));
  panel.append(h("div", { class: "keys" }, key("J", t("older event")), key("K", t("newer event")), can("operator") ? [...key("A", t("acknowledge, then the next")), ...key("F", t("false alarm, then the next")), ...key("U", t("undo"))].flat() : [], key(t("Space"), t("play or pause")), key("B", t("boxes")), choose, key("Esc", t("back to the list"))));
  return panel;
}

addEventListener("popstate", () => {
  filters.read();
  const id = idHere();
  if (id) show(cards.events.find((event) => event.event_id === id) ?? { event_id: id });
  else if (opened) closed();
});

/** Opens the next older event (1) or newer one (-1). The one shown need not be in the list: an address leads to events of any age. */
function step(by) {
  const shown = detail.event;
  if (by < 0 && waiting.size && shown?.event_id === cards.events[0]?.event_id) insert();
  const { events } = cards;
  const at = shown ? events.findIndex((event) => event.event_id === shown.event_id) : -1;
  const next = shown && at < 0 ? undefined : events[shown ? at + by : 0];
  if (!next) return void (shown?.kind && seek(shown, by));
  open(next);
  if (at + by > events.length - 10) more();
}

async function seek(shown, by) {
  if (stepping) return;
  stepping = true;
  try {
    const next = await neighbour(shown, by, filters.wanted());
    if (detail.event?.event_id !== shown.event_id) return; // somebody was faster
    if (next) open(cards.events.find((event) => event.event_id === next.event_id) ?? next);
    else announce(by > 0 ? t("No older event") : t("No newer event"));
  } catch (error) {
    toast(error.message, "red");
  } finally {
    stepping = false;
  }
}

/** Chooses the card that has the focus, else the event that is shown. */
function choose(range) {
  const id = document.activeElement?.closest(".event-cell")?.querySelector(".event-card").dataset.id ?? detail.event?.event_id;
  const event = cards.events.find((one) => one.event_id === id);
  if (event && can("operator")) selection.toggle(event, range);
}

async function judge(status) {
  const { event } = detail;
  if (!event?.kind) return;
  const again = event.status === status;
  if ((await detail.change({ status: again ? "new" : status })) && !again && detail.event?.event_id === event.event_id) step(1);
}

const KEYS = {
  j: () => step(1), k: () => step(-1), a: () => judge("acknowledged"), t: () => judge("true_alarm"), f: () => judge("false_alarm"), u: () => detail.undo?.(), b: () => detail.stage?.switchBoxes(),
  x: ({ shiftKey }) => choose(shiftKey), escape: () => (selection.size ? selection.clear() : detail.event && close()), " ": () => detail.stage?.toggle(),
};
document.addEventListener("keydown", (event) => {
  if (typing(event)) {
    if (event.key === "Escape" && event.target.matches("textarea, input")) event.target.blur();
    return;
  }
  const act = KEYS[event.key.toLowerCase()];
  if (!act || (event.key === " " && event.target.matches("button, a, video"))) return;
  event.preventDefault();
  act(event);
});
wide.addEventListener("change", () => cards.layout());

// ---------------------------------------------------------------- begin
filters.read();
const here = idHere();
if (here) show({ event_id: here });
else detail.clear(hint());
const first = reload(); // the newest events wait for nothing but the session
const [{ cameras }, rules, { groups }] = await Promise.all([get("/cameras"), get("/rules").catch(() => []), get("/groups").catch(() => ({ groups: [] }))]);
const classes = new Set((rules.rules ?? rules).flatMap?.((rule) => rule.classes) ?? []);
// The detector without a model knows one class, and its events carry that name whatever the rule asks for.
if (cameras.some((camera) => camera.classes?.length === 1 && camera.classes[0] === "moving")) classes.add("moving");
filters.grouped(groups);
filters.choices(cameras, [...classes].sort());
filters.read();
await first;
if (here) cards.select(here, wide.matches);
announce(plural(cards.events.length, "event"));

// ---------------------------------------------------------------- what could be changed
get("/suggestions").then(({ suggestions }) => {
  const count = suggestions.filter((one) => !one.dismissed).length;
  byId("suggestion-count").hidden = !count;
  byId("suggestion-count").textContent = String(count);
  byId("to-suggestions").setAttribute("aria-label", count ? t("Fewer false alarms: {suggestions}", { suggestions: plural(count, "suggestion") }) : t("Fewer false alarms"));
}).catch(() => {}); // the page of suggestions says why
