// A wall that turns its pages: which tiles are on the one shown, when the next one follows.

import { byId, fill, h, icon } from "./dom.js";
import { t } from "./messages.js";

// The next page's pictures are asked for so long before it is shown, so that none of them is old when it comes.
const AHEAD_MS = 2500;

/** `onTurn()` is called when other tiles are shown, or are soon to be. */
export class Pages {
  #tiles = [];
  #size = Infinity;
  #due = 0;
  #turnMs = 0;
  #paused = false;
  #ahead = false;
  page = 0;

  constructor(onTurn) {
    this.onTurn = onTurn;
    this.root = byId("pages");
  }

  get count() {
    return Math.max(1, Math.ceil(this.#tiles.length / this.#size));
  }

  /** All tiles in their order, how many a page holds, and after how many seconds the next one follows (null: all are on one page). */
  set(tiles, size, turnS) {
    this.#tiles = tiles;
    this.#size = turnS ? size : Infinity;
    this.#turnMs = (turnS ?? 0) * 1000;
    this.#go(Math.min(this.page, this.count - 1));
  }

  /** The tiles that are to have pictures though their page comes only in a moment. */
  get ahead() {
    return this.#ahead ? this.#of((this.page + 1) % this.count) : [];
  }

  /** Shows the page `by` further on, round and round. */
  turn(by) {
    if (this.count > 1) this.#go((this.page + by + this.count) % this.count);
  }

  /** Shows the page of a tile. */
  show(tile) {
    const page = Math.floor(this.#tiles.indexOf(tile) / this.#size);
    if (page !== this.page) this.#go(page);
  }

  /** Called now and then; `still` keeps the page. */
  tick(now, still) {
    if (this.count < 2 || still || this.#paused) this.#due = now + this.#turnMs;
    else if (now >= this.#due) this.turn(1);
    else if (!this.#ahead && now >= this.#due - AHEAD_MS) {
      this.#ahead = true;
      this.onTurn();
    }
  }

  #of(page) {
    return this.#size === Infinity ? this.#tiles : this.#tiles.slice(page * this.#size, (page + 1) * this.#size);
  }

  #go(page) {
    this.page = page;
    this.#ahead = false;
    this.#due = performance.now() + this.#turnMs;
    const shown = new Set(this.#of(page));
    for (const tile of this.#tiles) tile.holder.hidden = !shown.has(tile);
    this.#paint();
    this.onTurn();
  }

  #paint() {
    this.root.hidden = this.count < 2;
    if (this.count < 2) return;
    const button = (symbol, label, act) => h("button", { class: "button plain square", type: "button", "aria-label": label, title: label, onclick: act }, icon(symbol));
    const pause = button(this.#paused ? "play" : "pause", this.#paused ? t("Turn pages again") : t("Keep this page"), () => {
      this.#paused = !this.#paused;
      this.#paint();
    });
    fill(this.root, button("prev", t("Page before"), () => this.turn(-1)), h("span", {}, t("Page {page} of {pages}", { page: this.page + 1, pages: this.count })), button("next", t("Next page"), () => this.turn(1)), pause);
  }
}
