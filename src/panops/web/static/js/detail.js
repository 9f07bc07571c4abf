// One event in full: media, why it alarmed, what to do about it, what was done.

import { api, ApiError, get, part } from "./api.js";
import { empty, facts, fill, h, icon, whileBusy } from "./dom.js";
import { details } from "./event_facts.js";
import { decimal, t } from "./messages.js";
import { reason } from "./reason.js";
import { Stage } from "./stage.js";
import { toast } from "./shell.js";
import { className, plain } from "./things.js";
import { moment, short } from "./time.js";
import { bytes, kindOf, lasted, percent, placeWord, severityOf, statusOf, stepWord } from "./words.js";

const DONE = { new: t("Reopened"), acknowledged: t("Acknowledged"), true_alarm: t("Marked as a true alarm"), false_alarm: t("Marked as a false alarm") };
const HAS = ["has_clip", "has_clip_so_far", "has_snapshot"];
const TOLD = { sent: t("was told"), waiting: t("is still to be told"), skipped: t("was not told"), dead: t("could not be told") };
const OF = { begin: t("that it began"), clip: t("of its clip"), end: t("that it is over") };
const ACTIONS = { acknowledged: t("acknowledged it"), true_alarm: t("called it a true alarm"), false_alarm: t("marked it as a false alarm"), new: t("set it back to new"), kept: t("chose to keep it"), released: t("chose not to keep it"), note: t("wrote a note") };

/** Shows events in `root`. `onChange(event)` after a change of a person, `onClose`, `onStep(by)` for the buttons in its head. */
export class Detail {
  event = null;
  stage = null;
  #more = null;
  #rules = null;
  #asked = null;
  #drafts = new Map();
  #parts = {};

  constructor(root, { can, onChange, onClose, onStep }) {
    Object.assign(this, { root, can, onChange, onClose, onStep });
    addEventListener("beforeunload", (leaving) => {
      if (this.#drafts.size) leaving.preventDefault(); // the browser asks once; a note is not lost by a slip
    });
  }

  /** Opens an event by what is known of it (`{event_id}` at least) and loads the rest. */
  async open(event) {
    if (this.event?.event_id !== event.event_id) {
      this.#more = null;
      if (event.kind) this.#render(event);
      else this.#skeleton(event);
    }
    await this.#load(event.event_id);
  }

  /** A live update of some event; redraws only if it is the one shown. `phase` says what is new of it. */
  update(event, phase) {
    if (event.event_id !== this.event?.event_id) return;
    const before = this.event;
    this.event = event;
    if (phase === "evidence" || HAS.some((key) => before[key] !== event[key]) || before.ended_at_s !== event.ended_at_s) this.#load(event.event_id);
    else this.#paint();
  }

  /** Shows nothing. */
  clear(content) {
    this.stage?.close();
    [this.event, this.stage, this.#more] = [null, null, null];
    this.#asked?.abort();
    fill(this.root, content);
  }

  /** Changes the shown event (status, kept or note), with a way back. */
  async change(patch) {
    const { event } = this;
    if (!event || !this.can("operator")) return false;
    const before = Object.fromEntries(Object.keys(patch).map((key) => [key, event[key]]));
    if (Object.keys(patch).every((key) => before[key] === patch[key])) return false;
    const word = patch.status ? DONE[patch.status] : patch.kept === undefined ? t("Note saved") : patch.kept ? t("Kept: it will never be deleted") : t("No longer kept");
    return this.#patch(event, patch, word, () => this.#patch(event, before, t("Undone")));
  }

  async #patch(event, patch, word, undo) {
    try {
      const changed = await api("PATCH", `/events/${part(event.event_id)}`, patch);
      if (this.event?.event_id === event.event_id) {
        this.event = { ...this.event, ...changed };
        this.#paint();
        this.#load(event.event_id);
      }
      this.onChange(changed);
      this.undo = undo ?? null;
      toast(word, "green", undo ? [t("Undo"), undo] : null);
      return true;
    } catch (error) {
      toast(t("Not saved: {reason}", { reason: error.message }), "red");
      return false;
    }
  }

  async #load(id) {
    this.#asked?.abort();
    this.#asked = new AbortController();
    try {
      const [more, rules] = await Promise.all([get(`/events/${part(id)}`, { signal: this.#asked.signal }), (this.#rules ??= get("/rules").catch(() => ({})))]);
      const list = rules.rules ?? rules;
      const rule = Array.isArray(list) ? list.find((one) => one.id === more.rule_id) : undefined;
      this.#more = { ...more, rule };
      // What the list knew is on the page already, and may be in use: a clip that was started or a note half written goes on.
      if (!this.stage) this.#render(more);
      else {
        this.event = more;
        this.stage.renew(more, this.#more);
        this.#paint();
      }
    } catch (error) {
      if (error.name === "AbortError" || !(error instanceof ApiError)) {
        if (error.name !== "AbortError") throw error;
        return;
      }
      if (this.event?.event_id === id && this.stage) toast(error.message, "red");
      else this.clear(empty("warning", error.status === 404 ? t("This event is not there") : t("The event could not be read"),
        error.status === 404 ? t("It may have been deleted when its time was over, or it belongs to a camera you may not see.") : error.message,
        [h("button", { class: "button", onclick: () => this.onClose() }, icon("back"), t("All events"))], true));
    }
  }

  #head(title, about = null, chips = null) {
    const button = (symbol, label, act) => h("button", { class: "button plain square", type: "button", "aria-label": label, title: label, onclick: act }, icon(symbol));
    return h("div", { class: "detail-head" }, button("back", t("Back to the list (Esc)"), () => this.onClose()), h("div", { class: "detail-title" }, h("div", { class: "row" }, title, chips), about),
      button("prev", t("Newer event (K)"), () => this.onStep(-1)), button("next", t("Older event (J)"), () => this.onStep(1)));
  }

  #skeleton({ event_id: id }) {
    this.stage?.close();
    this.stage = null;
    this.event = { event_id: id };
    fill(this.root, h("div", { class: "detail", "aria-busy": "true" }, this.#head(h("h2", {}, t("Event"))), h("div", { class: "stage skeleton" }),
      h("div", { class: "skeleton why" }), h("div", { class: "skeleton why" })));
  }

  #render(event) {
    this.stage?.close();
    // Another event: nobody should press its buttons by a key that was meant for the one before.
    if (this.root.contains(document.activeElement)) document.activeElement.blur();
    this.event = event;
    this.stage = new Stage(event, this.#more ?? {}, () => this.#load(event.event_id));
    const kind = kindOf(event.kind);
    this.#parts = { chips: h("div", { class: "row" }), about: h("p", { class: "about" }), actions: h("div", { class: "actions-row" }), after: h("div", { role: "status" }), why: h("div", { class: "why" }), verdict: h("div", { class: "block verdict" }), facts: h("div"), seen: h("div", { class: "block" }), alike: h("div", { class: "block" }), note: h("div", { class: "block" }), history: h("div", { class: "block" }), files: h("div", { class: "block" }) };
    const { chips, about, actions, after, why, verdict, facts: factList, seen, alike, note, history, files } = this.#parts;
    fill(this.root, h("article", { class: "detail" }, this.#head(h("h2", {}, icon(kind.icon), h("span", { class: "ellipsis" }, kind.word)), about, chips),
      this.stage.root, this.stage.bar, this.stage.note, actions, after, why, verdict, factList, seen, alike, note, history, files));
    this.#note();
    this.#paint();
    this.root.scrollTop = 0;
  }

  /** Everything that changes while an event is open; the clip and a half-written note stay as they are. */
  #paint() {
    const { event, stage } = this;
    const { chips, about, actions, why, facts: factList, history, files } = this.#parts;
    if (!stage || !event.kind) return;
    // Which files there are is told by `renew`, together with the files.
    stage.event = { ...stage.event, ...event, ...Object.fromEntries(HAS.map((key) => [key, stage.event[key]])) };
    const [severity, status] = [severityOf(event.severity), statusOf(event.status)];
    fill(chips, h("span", { class: `chip ${severity.tone}` }, icon(severity.icon, true), severity.word), h("span", { class: `chip ${status.tone}` }, icon(status.icon, true), status.word),
      event.suppressed_by ? h("span", { class: "chip grey" }, icon("flag", true), t("Suppressed")) : null, event.ended_at_s === null ? h("span", { class: "chip red" }, icon("clock", true), t("Going on")) : null, event.kept ? h("span", { class: "chip amber" }, icon("kept", true), t("Kept")) : null);
    // Where and when, before anything has to be scrolled.
    fill(about, h("a", { href: `/cameras/${part(event.camera_id)}` }, event.camera_name || event.camera_id), h("span", { class: "muted" }, short(event.started_at_s)));
    if (this.can("operator")) this.#buttons(actions, event);
    this.#after(event);
    const rule = this.#more?.rule;
    fill(why, h("h3", {}, t("Why it alarmed")), h("p", { class: "lead" }, reason(event, rule)), facts([[t("Rule"), rule?.schedule?.length ? t("{rule} (on a schedule)", { rule: event.rule_id }) : event.rule_id], [placeWord(event), event.zone], [t("Confidence"), event.score > 0 ? percent(event.score) : ""], ...details(event)]));
    fill(factList, facts([
      [t("Began"), moment(event.started_at_s)], [t("Lasted"), event.ended_at_s === null ? t("still going on") : lasted(event)], [t("Object"), event.class_name ? plain(className(event.class_name)) : ""], [t("Track"), event.track_ids.map((id) => `#${id}`).join(", ")],
      [t("Event"), h("span", { class: "mono" }, event.event_id)]]));
    this.#verdict(this.#parts.verdict);
    this.#seenAgain();
    this.#findAgain(event);
    this.#past(history);
    this.#files(files);
  }

  /** Why it is believed, or not: one line for each step of the chain. */
  #verdict(block) {
    const { verdict } = this.#more ?? {};
    if (!verdict) return void fill(block);
    const by = this.event.suppressed_by;
    const head = by ? t("Why nobody was told") : verdict.revised ? t("Why it is believed after all") : t("Why it is believed");
    const line = (one) => h("li", { class: one.passed === null ? "unsaid" : one.passed ? "for" : "against" }, icon(one.passed === null ? "info" : one.passed ? "check" : "flag"),
      h("span", {}, h("strong", {}, stepWord(one.step)), " ", h("span", { class: "muted" }, one.words)));
    fill(block, h("h3", {}, head), h("ul", { class: "findings" }, verdict.findings.map(line)),
      verdict.took_s >= 0.1 ? h("p", { class: "faint" }, t("Held back for {seconds} s to be sure.", { seconds: decimal(verdict.took_s, 1) })) : null);
  }

  #buttons(actions, event) {
    const toggle = (status, symbol, word, key, style) => h("button", { class: `button ${style}`, type: "button", "aria-pressed": String(event.status === status), "aria-keyshortcuts": key, data: { act: status }, onclick: () => this.change({ status: event.status === status ? "new" : status }) }, icon(symbol), word, h("kbd", {}, key));
    const focused = actions.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    fill(actions, toggle("acknowledged", "check", event.status === "acknowledged" ? t("Acknowledged") : t("Acknowledge"), "A", "primary"), toggle("true_alarm", "alarm", t("True alarm"), "T", ""), toggle("false_alarm", "flag", t("False alarm"), "F", "danger"),
      h("button", { class: "button", type: "button", "aria-pressed": String(event.kept), "aria-label": event.kept ? t("Kept") : t("Keep"), data: { act: "keep" }, title: t("Kept events are never deleted"), onclick: () => this.change({ kept: !event.kept }) }, icon(event.kept ? "kept" : "keep"), h("span", { class: "wide" }, event.kept ? t("Kept") : t("Keep"))));
    if (focused) actions.querySelector(`[data-act="${focused}"]`)?.focus();
  }

  /** What comes of what was said; how far it is to a suggestion is asked once something was said. */
  async #after(event) {
    const { after } = this.#parts;
    if (!["false_alarm", "true_alarm"].includes(event.status) || !this.#more) {
      after.hidden = true;
      return void fill(after);
    }
    const { aftermath } = await import("./aftermath.js");
    const show = (progress) => {
      if (this.event !== event || this.#parts.after !== after) return;
      fill(after, aftermath(event, this.#more, progress, { canChange: this.can("operator"), takeBack: () => this.change({ status: "new" }) }));
      after.hidden = !after.childElementCount;
    };
    show(null);
    show((await get("/suggestions/progress").catch(() => ({}))).progress);
  }

  /** The other events that are one alarm with this one. */
  async #seenAgain() {
    const { seen } = this.#parts;
    const found = this.#more?.seen_again ?? [];
    const shown = JSON.stringify(found);
    if (seen.shown === shown) return;
    seen.shown = shown;
    if (found.length) (await import("./seen_again.js")).showSeen(seen, found);
    else fill(seen);
  }

  /** The way to events whose people look alike, where it is known what this one's person looks like. */
  #findAgain(event) {
    const { alike } = this.#parts;
    if (!this.can("operator") || !this.#more?.can_find_again || alike.childElementCount) return;
    const button = h("button", { class: "button", type: "button", onclick: () => whileBusy(button, async () => {
      try {
        await (await import("./similar.js")).showAlike(alike, event);
      } catch (error) {
        toast(error.message, "red");
      }
    }) }, icon("search"), t("Find again"));
    fill(alike, h("div", {}, button));
  }

  #note() {
    const { event, root } = this;
    const { note } = this.#parts;
    if (!this.can("operator")) return void (event.note && fill(note, h("h3", {}, t("Note")), h("p", { class: "said" }, event.note)));
    const id = event.event_id;
    const area = h("textarea", { id: "note", maxlength: 4000, placeholder: t("What happened, who was told …"), value: this.#drafts.get(id) ?? event.note });
    const state = h("span", { class: "muted", role: "status" });
    const save = h("button", { class: "button", type: "button" }, t("Save note"));
    const check = () => {
      const dirty = area.value !== (this.event.note ?? "");
      if (dirty) this.#drafts.set(id, area.value);
      else this.#drafts.delete(id);
      save.disabled = !dirty;
      state.textContent = dirty ? t("Not saved yet") : "";
    };
    area.addEventListener("input", check);
    save.addEventListener("click", async () => {
      if (await this.change({ note: area.value })) check();
    });
    fill(note, h("h3", {}, h("label", { for: "note" }, t("Note"))), area, h("div", { class: "note-row" }, state, save));
    check();
    this.#parts.syncNote = () => {
      if (root.contains(area) && !this.#drafts.has(id)) area.value = this.event.note ?? "";
      check();
    };
  }

  #past(history) {
    this.#parts.syncNote?.();
    const entries = this.#more?.history ?? [];
    const told = (this.#more?.deliveries ?? []).map((one) => [one.closed_at_s ?? one.created_at_s, one.sink_id, `${TOLD[one.state] ?? one.state} ${OF[one.moment] ?? one.moment}`, one.state === "sent" ? "" : one.answer]);
    const line = (who, text, at, said) => h("li", {}, h("div", {}, h("strong", {}, who), ` ${text}`), h("div", { class: "faint" }, moment(at)), said ? h("div", { class: "said" }, said) : null);
    fill(history, h("h3", {}, t("History")), h("ol", { class: "history" }, line("panops", t("raised it"), this.event.started_at_s),
      [...entries.map((one) => [one.at_s, one.user || t("somebody"), one.action.split(", ").map((word) => ACTIONS[word] ?? plain(word).toLowerCase()).join(t(" and ")), one.note]), ...told]
        .toSorted((a, b) => a[0] - b[0]).map(([at, who, text, said]) => line(who, text, at, said))));
  }

  #files(files) {
    const evidence = this.#more?.evidence ?? [];
    const words = { clip: ["play", t("Clip")], clip_so_far: ["play", t("Clip so far")], snapshot: ["picture", t("Picture")], annotated: ["boxes", t("Picture with boxes")] };
    if (!evidence.length) return void fill(files);
    const rank = (one) => Object.keys(words).indexOf(one.kind);
    fill(files, h("h3", {}, t("Download")), h("div", { class: "downloads" }, evidence.toSorted((a, b) => rank(a) - rank(b)).map((one) => {
      const [symbol, word] = words[one.kind] ?? ["download", plain(one.kind)];
      return h("a", { class: "button", href: `${one.url}&download=true`, download: `${this.event.event_id}-${/[^/]+(?=\?)/.exec(one.url)[0]}`, title: `SHA-256 ${one.sha256}` }, icon(symbol), word, h("span", { class: "faint" }, bytes(one.size_bytes)));
    })));
  }
}
