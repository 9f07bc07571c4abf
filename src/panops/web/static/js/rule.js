// Add or change a rule: a form drawn from what the API says of its kind, and what the rule would have said.

import { api, get, part } from "./api.js";
import { byId, empty, fill, h, icon, whileBusy } from "./dom.js";
import { tryRule } from "./dry_run.js";
import { t } from "./messages.js";
import { control } from "./rule_fields.js";
import { confirm, start, toast } from "./shell.js";
import { plain } from "./things.js";
import { kindOf } from "./words.js";

const last = location.pathname.split("/")[2];
const editing = last === "new" ? null : decodeURIComponent(last);
const asked = new URLSearchParams(location.search);
const { can, live } = await start();
live.watch([], 1, "s");

const known = { kinds: [], cameras: [], rules: [], classes: [], covering: [] };
let etag = null;
let kind = null;
let controls = [];
let dirty = false;
let typedId = editing !== null;

// ---------------------------------------------------------------- the form
/** What there is to choose from on the cameras that are chosen: zones and lines of all of them, or of any. */
function site() {
  const chosen = controls.find((one) => one.field.type === "cameras")?.value() ?? [];
  const cameras = known.cameras.filter((camera) => !chosen.length || chosen.includes(camera.id));
  const common = (key) => Object.keys(cameras[0]?.[key] ?? {}).filter((name) => cameras.every((camera) => name in camera[key]));
  const seen = [...new Set(cameras.flatMap((camera) => camera.classes ?? []))];
  return { cameras: known.cameras, chosen: cameras, zones: common("zones"), lines: common("lines"), anyZones: [...new Set(cameras.flatMap((camera) => Object.keys(camera.zones)))], rules: known.rules, classes: seen.length ? seen : known.classes, covering: known.covering };
}

function refresh() {
  const now = site();
  for (const one of controls) one.refresh(now);
}

function draw(name, values) {
  kind = known.kinds.find((one) => one.kind === name) ?? known.kinds[0];
  byId("kind-help").textContent = kind.help;
  const fields = kind.open ? [...kind.fields, { name: "*", type: "json", required: false, optional: true, default: null, minimum: null, maximum: null, choices: [], unit: "", help: t("further settings of the plug-in, as JSON"), common: false }] : kind.fields;
  const own = new Set(kind.fields.map((field) => field.name));
  const further = Object.fromEntries(Object.entries(values).filter(([key]) => !own.has(key) && key !== "id" && key !== "kind"));
  controls = fields.map((field) => control(field.name === "*" ? { ...field, name: "settings" } : field, field.name === "*" ? (Object.keys(further).length ? further : null) : values[field.name] ?? field.default));
  const shown = ({ field }) => !field.common || ["cameras", "classes", "severity", "schedule"].includes(field.name);
  fill(byId("fields"), controls.filter(shown).map((one) => one.root));
  fill(byId("common"), controls.filter((one) => !shown(one)).map((one) => one.root));
  refresh();
  suggestId();
}

function suggestId() {
  if (typedId) return;
  const cameras = controls.find((one) => one.field.type === "cameras")?.value() ?? [];
  const place = controls.find((one) => ["zone", "line"].includes(one.field.type) && one.value())?.value();
  const base = [cameras.length === 1 ? cameras[0] : "", place ?? "", kind.kind].filter(Boolean).join("-").replaceAll("_", "-").slice(0, 58);
  let name = base;
  for (let number = 2; known.rules.includes(name); number += 1) name = `${base}-${number}`;
  byId("rule-id").value = name;
}

/** The rule as the form has it. Throws what is wrong with a field. */
function rule() {
  const values = {};
  for (const one of controls) {
    try {
      const value = one.value();
      if (one.field.name === "settings" && kind.open) Object.assign(values, value ?? {});
      else if (value !== null || one.field.optional) values[one.field.name] = value;
    } catch (error) {
      throw Object.assign(error, { fields: [{ field: one.field.name, message: error.message }] });
    }
  }
  return { ...values, id: byId("rule-id").value.trim(), kind: kind.kind };
}

function complain(error) {
  for (const old of byId("form").querySelectorAll(".problem")) old.remove();
  for (const input of byId("form").querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  byId("wrong").hidden = true;
  if (!error) return;
  const rest = [];
  for (const { field, message } of error.fields ?? []) {
    const names = field.split(".");
    const root = names.includes("id") ? byId("id-field") : controls.find((one) => names.includes(one.field.name))?.root;
    if (!root) {
      rest.push(message);
      continue;
    }
    root.append(h("p", { class: "problem", role: "alert" }, icon("alarm", true), message));
    root.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
    if (byId("common").contains(root)) byId("more").open = true;
  }
  const text = rest.length ? rest.join(" ") : error.fields?.length ? "" : error.message;
  byId("wrong").hidden = !text;
  fill(byId("wrong"), icon("alarm"), h("span", {}, text));
  (byId("form").querySelector("[aria-invalid]") ?? byId("wrong")).scrollIntoView({ block: "center" });
}

// ---------------------------------------------------------------- server
async function save() {
  byId("save").disabled = true;
  try {
    const made = rule();
    if (!made.id) throw Object.assign(new Error(""), { fields: [{ field: "id", message: t("Please give the rule a name.") }] });
    await api("PUT", `/rules/${part(made.id)}`, made, { headers: editing ? { "If-Match": etag } : { "If-None-Match": "*" } });
    dirty = false;
    location.href = editing ? "/rules" : `/rules?made=${part(made.id)}`;
  } catch (error) {
    byId("save").disabled = false;
    if (error.status === 412) complain({ message: editing ? t("Somebody else changed this rule meanwhile. Load the page again to see it; your changes here are not stored.") : t("A rule of this name exists already; choose another name.") });
    else complain(error);
  }
}

async function tryIt() {
  complain(null);
  await whileBusy(byId("try"), async () => {
    const made = rule();
    await tryRule(byId("dry"), { ...made, id: made.id || undefined }, Number(byId("hours").value), known.cameras);
  }).catch(complain);
}

async function remove() {
  if (!(await confirm(t("Delete “{editing}”?", { editing }), t("It raises no events any more. Those that it raised stay."), t("Delete")))) return;
  try {
    await api("DELETE", `/rules/${part(editing)}`, undefined, { headers: { "If-Match": etag } });
    dirty = false;
    location.href = "/rules";
  } catch (error) {
    toast(t("Not deleted: {reason}", { reason: error.fields?.[0]?.message ?? error.message }), "red");
  }
}

async function begin() {
  const [{ kinds }, { cameras }, { rules }, models] = await Promise.all([get("/rule-kinds"), get("/cameras"), get("/rules"), get("/models").catch(() => ({ models: [] }))]);
  Object.assign(known, { kinds, cameras: cameras.sort((a, b) => a.name.localeCompare(b.name)), rules: rules.map((one) => one.id).filter((name) => name !== editing) });
  known.classes = models.models.find((model) => model.name === models.active)?.classes ?? [];
  known.covering = [...new Set(models.models.filter((model) => model.task === "segmentation" && model.state === "installed").flatMap((model) => model.classes))];
  let values = { kind: asked.get("line") ? "line_crossing" : asked.get("kind") ?? "intrusion", cameras: asked.getAll("camera"), ...(asked.get("zone") ? { zone: asked.get("zone") } : {}), ...(asked.get("line") ? { line: asked.get("line") } : {}) };
  if (editing) values = await get(`/rules/${part(editing)}`, { onHeaders: (headers) => { etag = headers.get("ETag"); } });
  const word = (one) => (kindOf(one.kind).icon === "events" ? plain(one.kind) : kindOf(one.kind).word);
  fill(byId("kind"), kinds.map((one) => h("option", { value: one.kind, selected: one.kind === values.kind }, `${word(one)}${one.plugin ? " (plug-in)" : ""}`)));
  byId("rule-id").value = editing ?? "";
  byId("rule-id").disabled = editing !== null;
  byId("title").textContent = editing ?? t("New rule");
  document.title = `${editing ?? t("New rule")} · panops`;
  byId("save").hidden = false;
  byId("delete").hidden = editing === null;
  draw(values.kind, values);
}

if (!can("admin")) {
  fill(byId("sheet"), empty("lock", t("Only administrators change rules"), t("Ask one of them to change this rule, or to change your role."), [h("a", { class: "button", href: "/rules" }, icon("back"), t("All rules"))]));
} else {
  try {
    await begin();
    byId("kind").addEventListener("change", () => {
      const kept = Object.fromEntries(controls.filter((one) => ["cameras", "zone", "line", "schedule"].includes(one.field.name)).map((one) => [one.field.name, one.value()]));
      draw(byId("kind").value, kept);
    });
    byId("rule-id").addEventListener("input", () => { typedId = true; });
    byId("form").addEventListener("input", ({ target }) => {
      dirty = true;
      if (target.closest("[data-field=cameras]")) refresh();
      if (target.closest("[data-field=cameras], [data-field=zone], [data-field=line]")) suggestId();
    });
    byId("form").addEventListener("submit", (event) => { event.preventDefault(); save(); });
    byId("save").addEventListener("click", save);
    byId("try").addEventListener("click", tryIt);
    byId("delete").addEventListener("click", remove);
    addEventListener("beforeunload", (event) => dirty && event.preventDefault());
  } catch (error) {
    fill(byId("sheet"), empty("rules", error.status === 404 ? t("There is no such rule") : t("The rule could not be read"), error.message, [h("a", { class: "button", href: "/rules" }, icon("back"), t("All rules"))], true));
  }
}
