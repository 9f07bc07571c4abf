// Events in one short line: the wall's ticker and a camera's recent events.

import { get, part, query } from "./api.js";
import { empty, fill, GLANCE, h, icon } from "./dom.js";
import { inside, t } from "./messages.js";
import { className, plain } from "./things.js";
import { short } from "./time.js";
import { kindOf, severityOf, statusOf } from "./words.js";

/** The picture of an event, or a symbol while it has none. */
export function thumb(event) {
  if (!event.has_snapshot) return icon("picture");
  return h("img", { src: `/api/v1/events/${part(event.event_id)}/snapshot.jpg?size=${GLANCE}`, alt: "", loading: "lazy", decoding: "async" });
}

function line(event, where) {
  const kind = kindOf(event.kind);
  return h("a", { class: "brief", href: `/events/${part(event.event_id)}` },
    h("span", { class: "thumb" }, thumb(event)),
    h("span", { class: "words" },
      h("span", { class: `what ${severityOf(event.severity).tone}` }, icon(kind.icon, true), h("span", { class: "ellipsis" }, kind.word)),
      h("span", { class: "ellipsis" }, where ? event.camera_name || event.camera_id : plain(className(event.class_name))),
      h("span", { class: "where ellipsis" }, [short(event.started_at_s), event.status === "new" ? "" : inside(statusOf(event.status).word), event.zone].filter(Boolean).join(" · "))));
}

/** A list of the newest events in `list`, kept up to date. `filter` are search values; `where` shows the camera's name. */
export async function latest(list, live, { filter = {}, where = true, limit = 14, teach = t("Alarms appear here the moment a rule sees something.") } = {}) {
  const events = new Map();
  const nodes = new Map();
  const show = (freshId) => {
    const newest = [...events.values()].sort((a, b) => b.started_at_s - a.started_at_s || (a.event_id < b.event_id ? 1 : -1)).slice(0, limit);
    if (!newest.length) return void fill(list, h("li", {}, empty("events", t("No events yet"), teach)));
    for (const event of newest) {
      if (nodes.get(event.event_id)?.event === event) continue;
      nodes.set(event.event_id, { event, node: h("li", {}, line(event, where)) });
    }
    fill(list, newest.map((event) => nodes.get(event.event_id).node));
    for (const id of events.keys()) if (!newest.some((event) => event.event_id === id)) [events, nodes].forEach((map) => map.delete(id));
    nodes.get(freshId)?.node.firstChild.classList.add("fresh");
  };
  const load = async () => {
    const page = await get(`/events${query({ ...filter, limit })}`);
    events.clear();
    for (const event of page.events) events.set(event.event_id, event);
    show();
  };
  live.on("event", ({ event }) => {
    if (filter.camera && event.camera_id !== filter.camera) return;
    const fresh = !events.has(event.event_id);
    events.set(event.event_id, event);
    show(fresh ? event.event_id : undefined);
  });
  let seen = false;
  live.on("up", () => {
    if (seen) load().catch(() => {}); // after a break only: what was missed; the next event repairs a failure
    seen = true;
  });
  fill(list, Array.from({ length: 5 }, () => h("li", { class: "brief" }, h("span", { class: "thumb skeleton" }), h("span", { class: "words" }, h("span", { class: "skeleton line" })))));
  try {
    await load();
  } catch (error) {
    fill(list, h("li", {}, empty("warning", t("The events could not be read"), error.message, [], true)));
  }
}
