// Every rule: what it is, where it looks, how much it matters, on or off.

import { api, get, part } from "./api.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { doubled } from "./doubled.js";
import { n, t } from "./messages.js";
import { start, toast } from "./shell.js";
import { kindOf, severityOf } from "./words.js";

const { can, live } = await start();
live.watch([], 1, "s");
let names = new Map();

function where(rule) {
  const cameras = rule.cameras.length ? rule.cameras.map((id) => names.get(id) ?? id).join(", ") : t("all cameras");
  const place = rule.zone ? ` · ${t("zone {zone}", { zone: rule.zone })}` : rule.line ? ` · ${t("line {line}", { line: rule.line })}` : "";
  return `${cameras}${place}${rule.schedule.length ? ` · ${n("{count} span of the week", "{count} spans of the week", rule.schedule.length)}` : ""}`;
}

async function change(rule, update) {
  try {
    let etag = null;
    const now = await get(`/rules/${part(rule.id)}`, { onHeaders: (headers) => { etag = headers.get("ETag"); } });
    await api("PUT", `/rules/${part(rule.id)}`, { ...now, ...update }, { headers: { "If-Match": etag } });
  } catch (error) {
    toast(t("{id} is as it was: {reason}", { id: rule.id, reason: error.fields?.[0]?.message ?? error.message }), "red");
  }
  await load();
}

function row(rule) {
  const kind = kindOf(rule.kind);
  const severity = severityOf(rule.severity);
  return h("li", { class: rule.enabled ? "card rule-row" : "card rule-row off", data: { rule: rule.id } },
    h("a", { class: "rule-what", href: `/rules/${part(rule.id)}` }, icon(kind.icon), h("span", {}, h("strong", { class: "ellipsis" }, rule.id), h("span", { class: "muted ellipsis" }, `${kind.word} · ${where(rule)}`))),
    rule.silent ? h("span", { class: "chip" }, t("Silent")) : null,
    can("admin")
      ? h("span", { class: "picker" }, h("select", { class: "select", "aria-label": t("Severity of {id}", { id: rule.id }), onchange: ({ target }) => change(rule, { severity: target.value }) },
        ["info", "warning", "alarm"].map((value) => h("option", { value, selected: value === rule.severity }, severityOf(value).word))))
      : h("span", { class: `chip ${severity.tone}` }, icon(severity.icon, true), severity.word),
    h("label", { class: "switch" }, h("input", { type: "checkbox", checked: rule.enabled, disabled: !can("admin"), "aria-label": t("{id} is on", { id: rule.id }), onchange: ({ target }) => change(rule, { enabled: target.checked }) }), h("span", {}, rule.enabled ? t("On") : t("Off"))));
}

async function load() {
  try {
    const [{ rules }, { cameras }] = await Promise.all([get("/rules"), get("/cameras")]);
    names = new Map(cameras.map((camera) => [camera.id, camera.name]));
    fill(byId("rules"), rules.length ? [...doubled(rules, new URLSearchParams(location.search).get("made"), (rule) => change(rule, { enabled: false })), ...rules.map(row)] : h("li", {}, empty("rules", t("No rule yet"), t("A rule turns what is seen into events: somebody in a zone, a line that is crossed, too many in a room."),
      can("admin") ? [h("a", { class: "button primary", href: "/rules/new" }, icon("plus"), t("New rule"))] : [])));
  } catch (error) {
    fill(byId("rules"), h("li", {}, empty("alarm", t("The rules could not be read"), error.message, [], true)));
  }
}

byId("new").hidden = !can("admin");
await load();
