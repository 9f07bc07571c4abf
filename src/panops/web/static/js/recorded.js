// What there is of a camera's recording: asked for as it is needed, a span at a time.

import { get, part, query } from "./api.js";

const LONGEST_S = 2.9 * 86400;
// The newest file is listed some seconds after it was ended.
const FRESH_S = 15;

/** The span `[from, to]` around what is asked for, as large as may be asked at once. */
function around(from_s, to_s) {
  const room = Math.max(0, Math.min(to_s - from_s, LONGEST_S - (to_s - from_s))) / 2;
  return [Math.max(0, from_s - room), to_s + room];
}

/** Finds the first of sorted `spans` that is not over at `at_s`; `end` says where one ends. */
function firstAfter(spans, at_s, end) {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end(spans[middle]) <= at_s) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Recorded {
  data = { mode: "off", segments: [], spans: [], gaps: [], motion: [], protected: [], events: [], oldest_s: null, newest_s: null, segment_s: 60 };
  #from = 0;
  #to = 0;
  #asked_s = 0;
  #running = null;

  constructor(id) {
    this.id = id;
  }

  /** Whether anything is recorded, or is to be. */
  get isThere() {
    return this.data.mode !== "off" || this.data.oldest_s !== null;
  }

  /** Makes sure that `[from_s, to_s]` is known, and is fresh near now. Answers whether anything was asked. */
  async need(from_s, to_s) {
    const now_s = Date.now() / 1000;
    const stale = to_s > (this.data.newest_s ?? 0) && now_s - this.#asked_s > FRESH_S;
    if (from_s >= this.#from && Math.min(to_s, now_s) <= this.#to && !stale) return false;
    while (this.#running) await this.#running.catch(() => {});
    this.#running = this.#ask(...around(from_s, to_s), now_s);
    try {
      await this.#running;
    } finally {
      this.#running = null;
    }
    return true;
  }

  /** Has everything asked for anew at the next need. */
  forget() {
    [this.#from, this.#to] = [0, 0];
  }

  async #ask(from_s, to_s, now_s) {
    this.data = await get(`/cameras/${part(this.id)}/recording${query({ from: from_s.toFixed(3), to: to_s.toFixed(3) })}`);
    [this.#from, this.#to, this.#asked_s] = [from_s, to_s, now_s];
  }

  /** The file that shows `at_s`, or the next one after it; null when there is none. */
  async at(at_s) {
    await this.need(at_s - 60, at_s + 900);
    const { segments } = this.data;
    return segments[firstAfter(segments, at_s, (one) => one.end_s)] ?? null;
  }

  /** Where motion (or, for `events`, an event) begins after (`step` 1) or before (-1) `at_s`, in what is known; null for none. */
  neighbour(kind, at_s, step) {
    const starts = kind === "motion" ? this.data.motion.map(([start_s]) => start_s) : this.data.events.map((one) => one.start_s);
    const sorted = starts.toSorted((a, b) => a - b);
    // A moment's grace, so that pressing again goes on.
    return (step > 0 ? sorted.find((one) => one > at_s + 1) : sorted.findLast((one) => one < at_s - 2)) ?? null;
  }
}
