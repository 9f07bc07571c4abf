// What a rule would have said: a count, a small timeline, and each event with its boxes over the best picture that there is.

import { api, part } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { details } from "./event_facts.js";
import { s } from "./glyphs.js";
import { n, t } from "./messages.js";
import { plural } from "./things.js";
import { clock, short } from "./time.js";
import { lasted, sentence } from "./words.js";

const MOST_SHOWN = 24;
const [WIDTH, HEIGHT] = [600, 54];
let asking = null;

/** A bar for each twelfth of an hour or more, and the ends of the time. */
function timeline({ since_s: since, until_s: until, events }) {
  const count = 48;
  const bins = new Array(count).fill(0);
  for (const { started_at_s: at } of events) bins[Math.min(count - 1, Math.max(0, Math.floor(((at - since) / (until - since)) * count)))] += 1;
  const most = Math.max(1, ...bins);
  const bar = (value, at) => value && s("rect", { x: (at * WIDTH) / count + 1, width: WIDTH / count - 2, y: HEIGHT - (value / most) * HEIGHT, height: (value / most) * HEIGHT, rx: 1.5 });
  return h("figure", { class: "dry-line" },
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": t("When they began: at most {most} at a time", { most }) }, ...bins.map(bar)),
    h("figcaption", { class: "row muted" }, h("span", {}, clock(since).slice(0, 5)), h("span", { class: "grow" }), h("span", {}, clock(until).slice(0, 5))));
}

/** The zone or line of an event and its boxes, as an SVG over a picture. */
function over(event, shapes) {
  const at = ([x, y]) => `${(1000 * x).toFixed(1)} ${(1000 * y).toFixed(1)}`;
  const zone = shapes?.zones?.[event.zone]?.polygon;
  const line = shapes?.lines?.[event.zone]?.points;
  const boxes = event.boxes.length ? event.boxes : event.box ? [{ box: event.box }] : [];
  return s("svg", { class: "dry-over", viewBox: "0 0 1000 1000", preserveAspectRatio: "none", "aria-hidden": "true" },
    zone && s("path", { class: "zone", d: `M${zone.map(at).join("L")}Z` }), line && s("path", { class: "line", d: `M${line.map(at).join("L")}` }),
    ...boxes.map(({ box: [x1, y1, x2, y2] }) => s("rect", { class: "box", x: 1000 * x1, y: 1000 * y1, width: 1000 * (x2 - x1), height: 1000 * (y2 - y1) })));
}

function card(event, cameras) {
  const camera = cameras.find((one) => one.id === event.camera_id);
  const stored = event.picture_of;
  const source = stored ? `/api/v1/events/${part(stored)}/snapshot.jpg?size=m` : `/api/v1/cameras/${part(event.camera_id)}/snapshot.jpg?size=m`;
  const picture = stored || camera?.state === "live" ? h("img", { src: source, alt: "", loading: "lazy", decoding: "async" }) : icon("picture");
  const facts = details(event).map(([term, text]) => `${term}: ${text}`).join(", ");
  return h("li", { class: "dry-event", data: { track: event.track_ids[0] ?? "" } },
    h("div", { class: "dry-shot" }, picture, over(event, camera), stored ? null : h("span", { class: "chip" }, t("Picture of now"))),
    h("div", {}, h("strong", {}, short(event.started_at_s)), h("p", { class: "muted" }, [[camera?.name ?? event.camera_id, lasted(event) || (event.ended_at_s === null ? t("goes on") : "")].filter(Boolean).join(", "), facts].filter(Boolean).join(". ")),
      stored ? h("a", { href: `/events/${part(stored)}` }, t("The event of that moment")) : null));
}

function notes({ cameras, complete, says, since_s: since }, named) {
  const name = (id) => named.find((one) => one.id === id)?.name ?? id;
  for (const camera of cameras) if (camera.from_s - since > 120) camera.notes.unshift(t("nothing is kept of the time before {time}", { time: clock(camera.from_s).slice(0, 5) }));
  const told = cameras.flatMap((camera) => camera.notes.map((note) => `${name(camera.camera_id)}: ${note}`));
  if (!complete) told.unshift(t("It took too long: only a part of the time was tried."));
  return [h("p", { class: "hint muted" }, sentence(says)), ...told.slice(0, 6).map((text) => h("p", { class: "notice warning" }, icon("info"), h("span", {}, sentence(text.replaceAll("`", "")))))];
}

/**
 * Asks, and shows what comes into `shelf`. A later call ends an earlier one. Rejects with what is wrong with the rule.
 * `places` is what is drawn and not saved, by camera.
 */
export async function tryRule(shelf, rule, hours, cameras, places = {}) {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  fill(shelf, h("p", { class: "row muted" }, icon("clock"), t("Trying …")), h("button", { class: "button", type: "button", onclick: () => { mine.abort(); fill(shelf); } }, t("Stop")));
  let said;
  try {
    said = await api("POST", "/rules/dry-run", { rule, hours, places }, { signal: mine.signal });
  } catch (error) {
    if (asking === mine) fill(shelf);
    if (error.name === "AbortError") return;
    throw error;
  }
  const shown = said.events.slice(0, MOST_SHOWN);
  fill(shelf, h("p", { class: "dry-count", id: "dry-count" }, h("strong", {}, plural(said.total, "event")), h("span", { class: "muted" }, ` ${n("in an hour", "in {count} hours", hours)}${said.per_hour.length > 1 ? t("; by hour: {list}", { list: said.per_hour.join(", ") }) : ""}`)),
    said.total ? timeline(said) : null, ...notes(said, cameras),
    shown.length ? h("ol", { class: "dry-list" }, shown.map((event) => card(event, cameras))) : null,
    said.total > shown.length ? h("p", { class: "muted" }, t("The newest {count} are shown.", { count: shown.length })) : null);
}

