// One control for each setting of a rule, drawn from what the API says of it. A control has `root`, `value()` and `refresh(site)`.

import { fill, h, icon } from "./dom.js";
import { locale, t } from "./messages.js";
import { plain } from "./things.js";
import { way } from "./way.js";
import { severityOf } from "./words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/** A day's name; the 1st of January 2024 was a Monday. */
const dayName = (day, length) => new Intl.DateTimeFormat(locale, { weekday: length, timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + DAYS.indexOf(day)));
const TITLES = {
  of: t("Rules that it listens to"), along: t("Allowed way"), leave_out: t("Zones in which it sees nobody"), required: t("What must be worn"), after_s: t("For longer than"), end_after_s: t("Ends after"), cooldown_s: t("Rests after an event"), enabled: t("On"), silent: t("Silent"), verify: t("Ask for false alarms"),
  cameras: t("Cameras"), classes: t("Classes"), severity: t("Severity"), schedule: t("Schedule"), zone: t("Zone"), line: t("Line"), direction: t("Direction"), limit: t("Limit"), limit_kmh: t("Limit"),
  when: t("When"), heading_deg: t("Heading"), tolerance_deg: t("Tolerance"), least_share: t("Least share"), window_s: t("Window"), count: t("Count"), distance: t("Distance"), owner_classes: t("Owner classes"),
  owner_distance: t("Owner distance"), hider_classes: t("Hider classes"), known_s: t("Known"), within_s: t("Within"), present_s: t("Present"), least_s: t("Least"), how: t("How"),
  who: t("Who matters"), lists: t("Lists"), grace_s: t("Time until it counts"), least_looks: t("Looks that must agree"), share: t("Share that decides"),
  above: t("More than this share"), below: t("Less than this share"),
};
const CHOICES = { a_to_b: t("From A to B"), b_to_a: t("From B to A"), both: t("Both ways"), above: t("More than the limit"), below: t("Fewer than the limit"), all: t("All of them"), any: t("Any of them"), sequence: t("One after the other"), against: t("The opposite way"), other: t("Every other way"),
  known: t("Known people"), unknown: t("Faces that nobody knows"), listed: t("People on a list"), unlisted: t("All who are on none of the lists"), spoof: t("Faces that are no living ones") };

/** What a setting is called. */
export const titleOf = (field) => TITLES[field.name] ?? plain(field.name.replace(/_(s|kmh|deg|px|fps|ms)$/, ""));

const choiceWord = (field, value) => (field.name === "severity" ? severityOf(value).word : CHOICES[value] ?? plain(value));

function select(attributes, options) {
  return h("select", { class: "select", ...attributes }, options.map(([value, word, chosen]) => h("option", { value, selected: chosen }, word)));
}

function number(field, id, given) {
  const input = h("input", { class: "input", id, type: "number", step: field.type === "integer" ? 1 : "any", min: field.minimum, max: field.maximum, value: given ?? "", placeholder: field.optional ? t("none") : "" });
  return { node: h("div", { class: "row amount" }, input, field.unit ? h("span", { class: "muted" }, field.unit) : null), value: () => (input.value === "" ? null : input.valueAsNumber) };
}

/** A box to tick for each of what there is, which `things(site)` says as `[[value, word], ...]`; what is chosen and not there any more stays. */
function many(id, given, things, none) {
  const chosen = new Set(given ?? []);
  const root = h("div", { class: "ticks", id, role: "group" });
  return {
    node: root,
    value: () => [...chosen],
    refresh(site) {
      const there = things(site);
      const missing = [...chosen].filter((value) => !there.some(([one]) => one === value)).map((value) => [value, value]);
      fill(root, [...there, ...missing].map(([value, word]) => h("label", { class: "tick" }, h("input", { type: "checkbox", value, checked: chosen.has(value), onchange: ({ target }) => {
        if (target.checked) chosen.add(value);
        else chosen.delete(value);
        target.dispatchEvent(new Event("input", { bubbles: true }));
      } }), h("span", {}, word))), there.length + missing.length ? null : h("p", { class: "hint muted" }, none));
    },
  };
}

function place(field, id, given) {
  const control = select({ id }, []);
  let chosen = given ?? "";
  control.addEventListener("input", () => { chosen = control.value; });
  return {
    node: h("span", { class: "picker" }, control),
    value: () => chosen || null,
    refresh(site) {
      const names = field.type === "zone" ? site.zones : site.lines;
      const first = field.type === "zone" && !field.required ? [["", t("The whole picture")]] : [["", names.length ? t("Choose one") : field.type === "zone" ? t("The camera has no zone yet") : t("The camera has no line yet")]];
      const lost = chosen && !names.includes(chosen) ? [[chosen, t("{chosen} (not on every camera)", { chosen })]] : [];
      fill(control, [...first, ...names.map((name) => [name, name]), ...lost].map(([value, word]) => h("option", { value, selected: value === chosen }, word)));
    },
  };
}

/** A time of day on a clock of 24 hours, whatever the browser's language says; what is no time goes back to what it was. */
function clockInput(given, word, take) {
  let now = given.slice(0, 5);
  return h("input", { class: "input time", inputmode: "numeric", maxlength: 5, value: now, placeholder: "18:00", "aria-label": word, onchange: ({ target }) => {
    const [, hour, minute] = /^(\d{1,2})[:.]?(\d{2})$/.exec(target.value.trim()) ?? [];
    if (hour < 24 && minute < 60) take(now = `${hour.padStart(2, "0")}:${minute}`);
    target.value = now;
  } });
}

function schedule(id, given) {
  const spans = (given ?? []).map((span) => ({ ...span, days: [...span.days] }));
  const root = h("div", { class: "stack", id });
  const tell = () => root.dispatchEvent(new Event("input", { bubbles: true }));
  const draw = () => fill(root, spans.map((span, at) => h("div", { class: "span" },
    h("div", { class: "segments days", role: "group", "aria-label": t("Days of span {at}", { at: at + 1 }) }, DAYS.map((day) => h("button", { class: "button", type: "button", "aria-pressed": String(span.days.includes(day)), "aria-label": dayName(day, "long"), onclick: ({ currentTarget }) => {
      span.days = DAYS.filter((one) => (one === day) !== span.days.includes(one));
      currentTarget.setAttribute("aria-pressed", String(span.days.includes(day)));
      tell();
    } }, dayName(day, "short").slice(0, 2)))),
    h("div", { class: "row" }, ...["start", "end"].map((which) => clockInput(span[which], which === "start" ? t("From") : t("To"), (text) => { span[which] = text; tell(); })),
      h("button", { class: "button plain square", type: "button", "aria-label": t("Remove span {at}", { at: at + 1 }), onclick: () => { spans.splice(at, 1); draw(); tell(); } }, icon("trash"))))),
  h("div", { class: "row" }, spans.length ? null : h("span", { class: "muted" }, t("Always.")), h("button", { class: "button", type: "button", onclick: () => { spans.push({ days: [...DAYS], start: "18:00", end: "06:00" }); draw(); tell(); } }, icon("plus"), t("Add a span"))));
  draw();
  return { node: root, value: () => spans };
}

function json(id, given, example) {
  const area = h("textarea", { class: "input mono", id, spellcheck: "false", placeholder: example }, given === null || given === undefined ? "" : JSON.stringify(given, null, 1));
  return {
    node: area,
    value: () => {
      try {
        return area.value.trim() ? JSON.parse(area.value) : null;
      } catch {
        throw new Error(t("This is not JSON: check its quotes, commas and brackets."));
      }
    },
  };
}

/** What must be worn: known items by name; one with settings of its own keeps them. */
function items(id, given) {
  const kept = new Map((given ?? []).map((one) => [one.item ?? one, one]));
  const base = many(id, [...kept.keys()], () => [["hardhat", t("Hard hat")], ["vest", t("Vest")], ["mask", t("Mask")]], "");
  return { ...base, value: () => base.value().map((name) => kept.get(name) ?? name) };
}

const words = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

const wordsInput = (id, given) => h("input", { class: "input", id, value: (given ?? []).join(", "), autocomplete: "off", autocapitalize: "none", spellcheck: "false" });

/** Words with commas between. */
function listed(id, given) {
  const input = wordsInput(id, given);
  return { node: input, value: () => words(input.value) };
}

function classes(id, given, offers = (site) => site.classes) {
  const input = wordsInput(id, given);
  const shelf = h("div", { class: "offers" });
  return {
    node: h("div", { class: "stack" }, input, shelf),
    value: () => words(input.value),
    refresh(site) {
      fill(shelf, offers(site).slice(0, 24).map((name) => h("button", { class: "button", type: "button", onclick: () => {
        const now = words(input.value);
        input.value = (now.includes(name) ? now.filter((one) => one !== name) : [...now, name]).join(", ");
        input.dispatchEvent(new Event("input", { bubbles: true }));
      } }, name)));
    },
  };
}

function made(field, id, given) {
  switch (field.type) {
    case "number": case "integer": return number(field, id, given);
    case "choice": {
      const control = select({ id }, field.choices.map((value) => [value, choiceWord(field, value), value === given]));
      return { node: h("span", { class: "picker" }, control), value: () => control.value };
    }
    case "zone": case "line": return place(field, id, given);
    case "zones": return many(id, given, (site) => site.anyZones.map((name) => [name, name]), t("No zone is drawn on these cameras."));
    case "cameras": return many(id, given, (site) => site.cameras.map((camera) => [camera.id, camera.name]), t("There is no camera yet."));
    case "rules": return many(id, given, (site) => site.rules.map((name) => [name, name]), t("There is no other rule yet."));
    case "classes": return classes(id, given);
    case "covering": return classes(id, given, (site) => site.covering);
    case "schedule": return schedule(id, given);
    case "points": return way(id, given);
    case "items": return items(id, given);
    case "words": return listed(id, given);
    case "json": return json(id, given, "{}");
    default: {
      const input = h("input", { class: "input", id, value: given ?? "", autocomplete: "off" });
      return { node: input, value: () => input.value || (field.optional ? null : "") };
    }
  }
}

/** The control of a setting with a value. */
export function control(field, given) {
  const id = `field-${field.name}`;
  const limits = [field.minimum, field.maximum].some((one) => one !== null) && field.maximum !== 86400 ? ` ${field.minimum ?? "…"} to ${field.maximum ?? "…"}.` : "";
  const help = `${plain(field.help)}${field.help ? "." : ""}${limits}`;
  if (field.type === "boolean") {
    const input = h("input", { type: "checkbox", id, checked: given });
    return { field, root: h("label", { class: "switch", for: id, data: { field: field.name } }, input, h("span", {}, h("strong", {}, titleOf(field)), h("br"), h("span", { class: "muted" }, help))), value: () => input.checked, refresh() {} };
  }
  const one = made(field, id, given);
  const root = h("div", { class: "field", data: { field: field.name } }, h("label", { for: id }, titleOf(field)), one.node, h("p", { class: "hint" }, help));
  return { field, root, value: one.value, refresh: (site) => one.refresh?.(site) };
}
