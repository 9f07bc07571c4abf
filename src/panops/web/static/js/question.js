// A question in plain words: how the server understood it, as chips that can be taken away, and whether an event fits it.

import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { className } from "./things.js";
import { minute } from "./time.js";
import { kindOf, severityOf, statusOf } from "./words.js";

const MOST = 3;
const FIELDS = {
  camera: t("Camera"), group: t("Group"), zone: t("Zone or line"), rule: t("Rule"), class: t("Class"), missing: t("Not worn"), kind: t("Kind"), severity: t("Severity"), status: t("Status"), flag: t("Only"), fact: t("Fact"), text: t("Text"),
};
const FLAGS = { open: t("still going on"), ended: t("ended"), kept: t("kept"), suppressed: t("Suppressed") };
const NAME = { class: className, missing: className, kind: (kind) => kindOf(kind).word, severity: (one) => severityOf(one).word, status: (one) => statusOf(one).word, flag: (one) => FLAGS[one] ?? one, fact: (one) => one.replace("=", ": ").replaceAll("_", " "), text: (one) => `“${one}”` };

const hasFact = (event, fact) => {
  const [name, value] = fact.split("=");
  return value === undefined ? event.details?.[name] === true : String(event.details?.[name] ?? "") === value;
};
const textsOf = (event) => [event.event_id, event.rule_id, event.kind, event.class_name, event.zone, event.suppressed_by, event.note, ...Object.entries(event.details ?? {}).flat()].join(" ").toLowerCase();
const FITS = {
  camera: (event, { values }) => values.includes(event.camera_id),
  group: (event, { also }) => also.includes(event.camera_id),
  zone: (event, { values }) => values.includes(event.zone),
  rule: (event, { values }) => values.includes(event.rule_id),
  class: (event, { values, also }) => values.includes(event.class_name) || also.some((fact) => hasFact(event, fact)),
  missing: (event, { values, also }) => also.includes(event.class_name) || values.includes(event.details?.item),
  kind: (event, { values }) => values.includes(event.kind),
  severity: (event, { values }) => values.includes(event.severity),
  status: (event, { values }) => values.includes(event.status),
  fact: (event, { values }) => values.some((fact) => hasFact(event, fact)),
  text: (event, { values }) => values.some((text) => textsOf(event).includes(text.toLowerCase())),
  flag: (event, { values }) => ({ open: event.ended_at_s === null, ended: event.ended_at_s !== null, kept: event.kept, suppressed: Boolean(event.suppressed_by) })[values[0]],
};

/** Shows in `root` how questions were understood; `onChange(words)` when somebody took a part of one away. */
export class Question {
  #understood = null;

  constructor(root, onChange) {
    Object.assign(this, { root, onChange });
  }

  /** What the API says of the question, or null where nothing was asked. */
  show(understood) {
    this.#understood = understood;
    this.root.hidden = !understood || !(understood.terms.length || understood.left_out.length);
    if (this.root.hidden) return void fill(this.root);
    const out = understood.left_out.length ? [h("span", { class: "muted" }, t("Left out: {words}", { words: understood.left_out.join(", ") }))] : [];
    fill(this.root, h("span", { class: "muted" }, t("Understood as")), understood.terms.map((term) => this.#chip(term)), ...out);
  }

  get suppressed() {
    return Boolean(this.#understood?.terms.some((term) => term.meanings.some((one) => one.field === "flag" && one.values[0] === "suppressed")));
  }

  /** Whether the event fits every term; nothing does while it is not known yet what was understood. */
  match(event) {
    return Boolean(this.#understood) && this.#understood.terms.every((term) => (term.since_s === null || event.started_at_s >= term.since_s) && (term.until_s === null || event.started_at_s < term.until_s)
      && (!term.meanings.length || term.meanings.some((one) => FITS[one.field](event, one))));
  }

  #chip(term) {
    const said = term.meanings.length ? term.meanings.flatMap((one, at) => [at ? ` ${t("or")} ` : "", h("span", { class: "faint" }, FIELDS[one.field]), ` ${named(one)}`]) : [span(term)];
    const word = t("Without “{words}”", { words: term.words });
    return h("button", { class: "button meaning", type: "button", title: word, "aria-label": `${term.words}. ${word}`, onclick: () => this.onChange(this.#without(term)) }, h("span", {}, said), icon("close", true));
  }

  /** The question without the words of a term. Places count characters as the server does, not halves of them. */
  #without({ at }) {
    const letters = [...this.#understood.text];
    for (const [begin, end] of at) letters.fill("", begin, end);
    return letters.join("").replace(/\s+/g, " ").trim();
  }
}

function named({ field, names }) {
  const words = names.map(NAME[field] ?? String);
  return words.slice(0, MOST).join(", ") + (words.length > MOST ? ` +${words.length - MOST}` : "");
}

function span({ since_s: since, until_s: until }) {
  if (since === null) return t("until {time}", { time: minute(until) });
  return until === null ? t("since {time}", { time: minute(since) }) : t("from {since} to {until}", { since: minute(since), until: minute(until) });
}
