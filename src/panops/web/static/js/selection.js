// Several events at once: which are chosen, what is done with all of them, and the way back.

import { api, ApiError, toLogin } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { decimal, n, t } from "./messages.js";
import { announce, toast } from "./shell.js";

const MOST = 500;
const ACTS = [
  ["ok", t("Acknowledge"), { status: "acknowledged" }, (count) => n("{count} event acknowledged.", "{count} events acknowledged.", count)],
  ["flag", t("False alarm"), { status: "false_alarm" }, (count) => n("{count} event marked as a false alarm.", "{count} events marked as false alarms.", count)],
  ["keep", t("Keep"), { kept: true }, (count) => n("{count} event kept: it will never be deleted.", "{count} events kept: they will never be deleted.", count)],
];

/** The events with a check mark, and the bar in `root` that acts on them. `onChange(event)` for each event that was changed. */
export class Selection {
  #chosen = new Map();
  #anchor = null;
  #last = null; // chosen last: who was in the bar when it goes is there afterwards
  #busy = false;

  constructor(root, cards, { onChange, onUndo }) {
    Object.assign(this, { root, cards, onChange, onUndo });
    this.#show();
  }

  get size() {
    return this.#chosen.size;
  }

  /** A click on a check mark, or X; with `range` all from the last one to this one. */
  toggle(event, range = false) {
    const { events } = this.cards;
    const [from, to] = [events.findIndex((one) => one.event_id === this.#anchor), events.findIndex((one) => one.event_id === event.event_id)];
    if (range && from >= 0 && to >= 0) for (const one of events.slice(Math.min(from, to), Math.max(from, to) + 1)) this.#chosen.set(one.event_id, one);
    else if (!this.#chosen.delete(event.event_id)) this.#chosen.set(event.event_id, event);
    this.#anchor = event.event_id;
    this.#last = event.event_id;
    this.#show();
  }

  clear() {
    this.#chosen.clear();
    this.#anchor = null;
    this.#show();
  }

  #show() {
    const count = this.size;
    this.cards.check(this.#chosen.keys());
    const held = this.root.contains(document.activeElement);
    this.root.hidden = !count;
    if (!count && held) (this.cards.node(this.#last) ?? this.cards.scroller).focus({ preventScroll: true });
    if (!count) return;
    const button = (symbol, word, act) => h("button", { class: "button", type: "button", onclick: act, "aria-label": word, title: word }, icon(symbol), h("span", { class: "word" }, word));
    fill(this.root, h("strong", { class: "chosen", role: "status" }, h("span", {}, decimal(count)), " ", h("span", { class: "word" }, t("chosen"))),
      ACTS.map(([symbol, word, patch, done]) => button(symbol, word, () => this.#say(patch, done))),
      button("download", t("Export"), () => this.#export()), button("close", t("Choose none"), () => this.clear()));
  }

  /** Does one thing at a time. */
  async #alone(work) {
    if (this.#busy) return;
    if (this.size > MOST) return void toast(t("At most {most} events at once; {count} are chosen.", { most: MOST, count: this.size }), "red");
    this.#busy = true;
    this.root.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      toast(error.message, "red");
    } finally {
      this.#busy = false;
      this.root.removeAttribute("aria-busy");
    }
  }

  #say(patch, done) {
    return this.#alone(async () => {
      const [key] = Object.keys(patch);
      const before = [...this.#chosen.values()].map((event) => this.cards.events.find((one) => one.event_id === event.event_id) ?? event).filter((event) => event[key] !== patch[key]);
      const { missing } = await this.#patch([...this.#chosen.keys()], patch);
      const undo = () => this.#alone(async () => {
        // They may have been different: each value goes back to its own.
        for (const value of new Set(before.map((event) => event[key]))) await this.#patch(before.filter((event) => event[key] === value).map((event) => event.event_id), { [key]: value });
        toast(t("Undone"), "green");
      });
      const count = this.size - missing.length;
      this.clear();
      this.onUndo(undo);
      toast([done(count), missing.length ? n("{count} is not there any more.", "{count} are not there any more.", missing.length) : ""].filter(Boolean).join(" "), "green", [t("Undo"), undo]);
      announce(done(count));
    });
  }

  async #patch(ids, patch) {
    const changed = await api("PATCH", "/events", { event_ids: ids, ...patch });
    changed.events.forEach(this.onChange);
    return changed;
  }

  /** The zip comes as it is made; the browser keeps it where it keeps downloads. */
  #export() {
    return this.#alone(async () => {
      const answer = await fetch("/api/v1/events/export", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ event_ids: [...this.#chosen.keys()] }) });
      if (answer.status === 401) return void toLogin();
      if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => ({})));
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "panops.zip";
      const address = URL.createObjectURL(await answer.blob());
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
      toast(n("{count} event saved in {name}.", "{count} events saved in {name}.", this.size, { name }), "green");
      return undefined;
    });
  }
}
