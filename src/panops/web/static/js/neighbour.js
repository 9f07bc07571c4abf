// The event next to another one in the whole record, which a list of the newest may not hold.

import { get, query } from "./api.js";

const PAGE = 100;
const MOMENT_S = 0.001;
const FIRST_SPAN_S = 600;

/** Newest first, as the API lists events. */
export const order = (a, b) => b.started_at_s - a.started_at_s || (a.event_id === b.event_id ? 0 : a.event_id < b.event_id ? 1 : -1);

/** The event that fits the filters `wanted` next to `event`: the older one for `by` 1, the newer one for -1; null when there is none. */
export function neighbour(event, by, wanted) {
  return by > 0 ? older(event, wanted) : newer(event, wanted);
}

async function older(event, wanted) {
  const until = Math.min(wanted.until ?? Infinity, event.started_at_s + MOMENT_S);
  let cursor = null;
  do {
    const page = await get(`/events${query({ ...wanted, until, cursor, limit: PAGE })}`);
    const found = page.events.find((one) => order(event, one) < 0);
    if (found) return found;
    cursor = page.next_cursor;
  } while (cursor);
  return null;
}

/** The API lists the newest first, so the span of time after the event is widened until it holds something, and halved while it holds too much. */
async function newer(event, wanted) {
  const since = Math.max(wanted.since ?? -Infinity, event.started_at_s);
  const end_s = Math.min(wanted.until ?? Infinity, Date.now() / 1000 + FIRST_SPAN_S);
  let [empty, span, full] = [0, FIRST_SPAN_S, Infinity];
  for (;;) {
    const until = Math.min(end_s, since + span);
    const page = await get(`/events${query({ ...wanted, since, until, limit: PAGE })}`);
    const found = page.events.filter((one) => order(one, event) < 0);
    const near = full - empty < MOMENT_S;
    if (page.next_cursor && !near) full = span;
    else if (found.length || until >= end_s || near) return found.at(-1) ?? null;
    else empty = span;
    span = full < Infinity ? (empty + full) / 2 : span * 8;
  }
}
