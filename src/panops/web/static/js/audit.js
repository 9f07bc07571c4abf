// The audit log: who did what, who looked at what proof; filters in the address, CSV.

import { get, query } from "./api.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { start } from "./shell.js";
import { plain } from "./things.js";
import { fromInput, short } from "./time.js";
import { sentence } from "./words.js";

const PAGE = 100;
const NAMES = ["user", "action", "target", "from", "to"];
const ACTIONS = {
  login: t("Sign-ins"), logout: t("Sign-outs"), session: t("Sessions ended"), second_factor: t("Second factors"), password: t("Passwords"), user: t("People"), token: t("Tokens"), group: t("Groups"), camera: t("Cameras"), rule: t("Rules"),
  event: t("Events judged"), evidence: t("Looks at proof"), suggestion: t("Suggestions"), compliance: t("Exports of compliance"), areas: t("Exports of areas"), audit: t("Exports of this log"), sink: t("Tests of alerts"), delivery: t("Alerts sent again"), setup: t("First set-up"),
};
const { can } = await start();
const form = byId("filters");
let cursor = null;

const wanted = () => {
  const { user, action, target, from, to } = Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value.trim()]));
  const day = (text, time) => (text ? fromInput(`${text}T${time}`) : "");
  return { user, action, target, since: day(from, "00:00"), until: day(to, "23:59") === "" ? "" : day(to, "23:59") + 60 };
};

/** Facts in one line: `role: viewer, cameras: gate`. */
const words = (detail) => Object.entries(detail).filter(([, value]) => value !== null && value !== "").map(([key, value]) => `${plain(key)}: ${Array.isArray(value) ? value.join(", ") || t("none") : key === "sha256" ? value.slice(0, 12) : typeof value === "object" ? JSON.stringify(value) : value}`).join("; ");

function row(entry) {
  return h("tr", {}, h("td", {}, short(entry.at_s)), h("td", {}, entry.user || "–"), h("td", {}, sentence(plain(entry.action.replace(".", " "))).replace(/\.$/, "")), h("td", { class: "many" }, entry.target || "–"), h("td", {}, entry.address || "–"), h("td", { class: "answer many" }, words(entry.detail)));
}

async function load(more = false) {
  const asked = wanted();
  byId("csv").href = `/api/v1/audit.csv${query(asked)}`;
  try {
    const page = await get(`/audit${query({ ...asked, limit: PAGE, cursor: more ? cursor : "" })}`);
    cursor = page.next_cursor;
    const rows = page.entries.map(row);
    if (more) byId("log").append(...rows);
    else fill(byId("log"), rows.length ? rows : h("tr", {}, h("td", { colspan: 6, class: "muted" }, t("Nothing that fits."))));
    byId("more").hidden = cursor === null;
  } catch (error) {
    fill(byId("log"), h("tr", {}, h("td", { colspan: 6, class: "muted" }, error.message)));
  }
}

if (!can("admin")) {
  fill(byId("sheet"), empty("lock", t("This page is for administrators"), t("It shows who did what, and from where."), [h("a", { class: "button", href: "/account" }, icon("user"), t("Your account"))]));
} else {
  const { users } = await get("/users");
  form.elements.user.append(...users.map(({ username }) => h("option", { value: username }, username)));
  form.elements.action.append(...Object.entries(ACTIONS).map(([value, word]) => h("option", { value }, word)));
  const search = new URLSearchParams(location.search);
  for (const name of NAMES) {
    const [control, value] = [form.elements[name], search.get(name) ?? ""];
    if (control.options && value && ![...control.options].some((option) => option.value === value)) control.append(h("option", { value }, value));
    control.value = value;
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    history.replaceState(null, "", `/audit${query(Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value])))}`);
    load();
  });
  byId("older").addEventListener("click", () => load(true));
  await load();
}
