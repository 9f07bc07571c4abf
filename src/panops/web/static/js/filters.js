// The filters of the events page: shown in the form, kept in the address, asked of the API.

import { byId, h } from "./dom.js";
import { t } from "./messages.js";
import { className, plain } from "./things.js";
import { dayKey, fromInput, toInput } from "./time.js";
import { KIND_NAMES, kindOf } from "./words.js";

const NAMES = ["status", "camera", "kind", "class", "range", "from", "to", "group", "words"];
const DAY_S = 86400;

/** Reads the form from the address, calls `onChange()` when a person changed it. */
export class Filters {
  #question = null;
  #answer = null;
  values = {};
  groups = new Map();

  constructor(form, onChange) {
    this.form = form;
    this.onChange = onChange;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => this.#changed());
    form.elements.words.addEventListener("search", () => this.form.elements.words.value || !this.values.words || this.#changed());
    byId("statuses").addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.#changed(button.dataset.status);
    });
    byId("clear").addEventListener("click", () => this.reset());
    byId("filter-button").addEventListener("click", () => {
      const open = form.classList.toggle("open");
      byId("filter-button").setAttribute("aria-expanded", String(open));
    });
    for (const kind of KIND_NAMES) form.elements.kind.append(h("option", { value: kind }, kindOf(kind).word));
  }

  /** Fills the choices that depend on the site. */
  choices(cameras, classes) {
    const { camera, class: classSelect } = this.form.elements;
    // A value of the address that came before its choice stands there without its name.
    const add = (select, value, word) => {
      const known = [...select.options].find((option) => option.value === value);
      if (known) known.textContent = word;
      else select.append(h("option", { value }, word));
    };
    for (const one of cameras) add(camera, one.id, one.name || one.id);
    for (const name of classes) add(classSelect, name, plain(className(name)));
  }

  /** Fills the choice of groups, if there are any; `groups` as the API gives them. */
  grouped(groups) {
    this.groups = new Map(groups.map((group) => [group.name, new Set(group.cameras)]));
    const select = this.form.elements.group;
    for (const name of this.groups.keys()) if (![...select.options].some((option) => option.value === name)) select.append(h("option", { value: name }, name));
    byId("group-picker").hidden = select.options.length < 2;
  }

  /** Takes the address's values into the form. A value that is no choice (a removed camera) becomes one. */
  read() {
    const search = new URLSearchParams(location.search);
    this.values = Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""]));
    if ((this.values.from || this.values.to) && !this.values.range) this.values.range = "custom";
    for (const name of NAMES.slice(1)) {
      const control = this.form.elements[name];
      const value = this.values[name];
      if (control.options && value && ![...control.options].some((option) => option.value === value)) control.append(h("option", { value }, value));
      if (control !== document.activeElement) control.value = value; // a question that is being typed stays
    }
    this.#paint();
  }

  /** All events again. */
  reset() {
    this.form.reset();
    this.#changed("");
  }

  /** The query part of the address, with `?`, or an empty text. */
  search() {
    const pairs = new URLSearchParams(NAMES.filter((name) => this.values[name] && !(name === "range" && this.values.range === "custom" && (this.values.from || this.values.to)))
      .map((name) => [name, this.values[name]]));
    return pairs.size ? `?${pairs}` : "";
  }

  /** The values as the API takes them. */
  wanted() {
    const { status, camera, kind, class: className, group, words } = this.values;
    const judged = status === "suppressed" ? { suppressed: "only" } : { status };
    return { ...judged, camera, group, kind, class: className, words, ...this.#times() };
  }

  /** Shows how the API understood the question; null where nothing was asked. */
  async understood(understood) {
    this.#answer = understood;
    if (understood && !this.#question) {
      const { Question } = await import("./question.js");
      this.#question ??= new Question(byId("understood"), (words) => {
        this.form.elements.words.value = words;
        this.#changed();
      });
    }
    this.#question?.show(this.#answer);
  }

  /** Would the list hold this event? */
  match(event) {
    const { status, suppressed, camera, group, kind, class: className, since, until, words } = this.wanted();
    return Boolean(event.suppressed_by) === (suppressed === "only" || Boolean(words && this.#question?.suppressed)) && (!words || Boolean(this.#question?.match(event))) && (!status || event.status === status) && (!camera || event.camera_id === camera) && (!group || this.groups.get(group)?.has(event.camera_id)) && (!kind || event.kind === kind) &&
      (!className || event.class_name === className) && (!since || event.started_at_s >= since) && (!until || event.started_at_s < until);
  }

  get any() {
    return NAMES.some((name) => this.values[name]);
  }

  #times() {
    const now = Date.now() / 1000;
    const midnight = (at) => fromInput(dayKey(at));
    const { range, from, to } = this.values;
    if (range === "hour") return { since: Math.floor(now - 3600) };
    if (range === "today") return { since: midnight(now) };
    if (range === "yesterday") return { since: midnight(midnight(now) - DAY_S / 2), until: midnight(now) };
    if (range === "week") return { since: Math.floor(now - 7 * DAY_S) };
    return { since: fromInput(from), until: fromInput(to) };
  }

  #changed(status = this.values.status) {
    const { elements } = this.form;
    const before = this.values.range;
    this.values = { ...Object.fromEntries(NAMES.slice(1).map((name) => [name, elements[name].value])), status };
    this.values.words = this.values.words.trim();
    if (this.values.range !== "custom") [this.values.from, this.values.to] = ["", ""];
    else if (before !== "custom" && !this.values.from) this.values.from = toInput(Date.now() / 1000 - DAY_S);
    elements.from.value = this.values.from;
    elements.to.value = this.values.to;
    this.#paint();
    this.onChange();
  }

  #paint() {
    for (const button of byId("statuses").children) button.setAttribute("aria-pressed", String(button.dataset.status === this.values.status));
    byId("span").hidden = this.values.range !== "custom";
    byId("clear").hidden = !this.any;
    const more = [...NAMES.slice(1, 5), "group"].filter((name) => this.values[name]).length;
    byId("filter-button").lastElementChild.textContent = more ? t("Filter ({more})", { more }) : t("Filter");
  }
}
