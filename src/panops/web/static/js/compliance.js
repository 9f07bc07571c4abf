// Who wears what is required: curves over time, one line a camera and zone, CSV.

import { get, part, query } from "./api.js";
import { curves, TONES } from "./curve.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { parts, t } from "./messages.js";
import { start } from "./shell.js";
import { className, plain, plural } from "./things.js";
import { percent, whole } from "./words.js";

const DAY_S = 86400;
// Below this a rate is told in red.
const LOW = 0.8;
const EVERY_MS = 60_000;
const { live } = await start();
const form = byId("filters");

/** People of some rows together, with their rate; null where the item was to be seen on nobody. */
export function together(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const [present, absent] = [sum("present"), sum("absent")];
  return { seen: sum("seen"), present, absent, hidden: sum("not_visible"), rate: present + absent ? present / (present + absent) : null };
}

/** Rows by the text that `key` gives of each, in the order in which they come. */
export function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return groups;
}

const told = (rate) => (rate === null ? "–" : percent(rate));
const place = (row) => row.zone || t("Whole picture");

function tiles(rows) {
  fill(byId("items"), [...grouped(rows, (row) => row.item)].map(([item, mine]) => {
    const all = together(mine);
    return h("div", { class: "card" }, h("span", {}, icon("helmet"), plain(className(item))), h("b", { class: all.rate !== null && all.rate < LOW ? "low" : null }, told(all.rate)),
      h("small", {}, t("{people} seen, {without} without, {hidden} not visible", { people: plural(all.seen, "person"), without: all.absent, hidden: all.hidden })));
  }));
}

function curve(rows) {
  const spans = [...grouped(rows, (row) => row.start_s)].map(([start_s, [row]]) => ({ start_s, end_s: row.end_s, label: row.label }));
  const lines = [...grouped(rows, (row) => row.item)].map(([name, mine]) => {
    const spanned = grouped(mine, (row) => row.start_s);
    return { name, people: spans.map((span) => together(spanned.get(span.start_s) ?? [])) };
  });
  const say = (index) => {
    byId("point").textContent = index < 0 ? t("Rates are of those on whom it was to be seen.")
      : `${spans[index].label}: ${lines.map(({ name, people }) => t("{item} {share} of {count}", { item: plain(className(name)), share: told(people[index].rate), count: people[index].present + people[index].absent })).join(", ")}.`;
  };
  fill(byId("curve"), curves(spans, lines.map(({ name, people }) => ({ name, shares: people.map((one) => one.rate) })), t("Rates of {list} over time", { list: lines.map(({ name }) => plain(className(name))).join(", ") }), say));
  fill(byId("legend"), lines.map(({ name }, at) => h("span", {}, h("i", { class: `tone-${at % TONES}` }), plain(className(name)))));
  say(-1);
}

function table(rows) {
  const number = (text, low = false) => h("td", { class: low ? "number low" : "number" }, text);
  fill(byId("rows"), [...grouped(rows, (row) => JSON.stringify([row.camera_name, row.zone, row.item, row.camera_id]))].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true })).map(([, mine]) => {
    const [row, all] = [mine[0], together(mine)];
    return h("tr", {}, h("td", {}, h("a", { class: "ellipsis", href: `/events?kind=compliance&camera=${part(row.camera_id)}` }, row.camera_name)), h("td", {}, place(row)), h("td", {}, plain(className(row.item))),
      number(told(all.rate), all.rate !== null && all.rate < LOW), number(whole(all.seen)), number(whole(all.present)), number(whole(all.absent)), number(whole(all.hidden)));
  }));
}

/** Choices that the data names, once each; what is chosen stays. */
function choices(rows) {
  const add = (name, pairs) => {
    const select = form.elements[name];
    for (const [value, word] of pairs) if (value && ![...select.options].some((option) => option.value === value)) select.append(h("option", { value }, word));
  };
  add("camera", rows.map((row) => [row.camera_id, row.camera_name]));
  add("zone", rows.map((row) => [row.zone, row.zone]));
}

function nothing() {
  fill(byId("items"));
  fill(byId("legend"));
  byId("point").textContent = "";
  fill(byId("curve"), h("div", { class: "notice" }, icon("info"), h("span", {}, parts("Nobody was seen where something must be worn. A rule of kind {kind} says what and where; it is described in docs/compliance.md.", { kind: h("code", {}, "compliance") }))));
  fill(byId("rows"), h("tr", {}, h("td", { colspan: 8, class: "muted" }, t("Nobody yet."))));
}

let asked = 0;
async function refresh() {
  if (document.hidden) return;
  const mine = (asked += 1);
  const { camera, zone, days, bucket } = form.elements;
  const to = Math.ceil(Date.now() / 1000);
  const wanted = query({ from: to - Number(days.value) * DAY_S, to, camera: camera.value, zone: zone.value, bucket: bucket.value });
  byId("csv").href = `/api/v1/compliance.csv${wanted}`;
  try {
    const { rates } = await get(`/compliance${wanted}`);
    if (mine !== asked) return; // another choice was made meanwhile
    choices(rates);
    if (!rates.length) return nothing();
    tiles(rates);
    curve(rates);
    byId("curve").dataset.bucket = bucket.value;
    table(rates);
  } catch (error) {
    if (mine === asked && error.status) fill(byId("curve"), empty("alarm", t("It cannot be shown"), error.message, [], true));
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", refresh);
await refresh();
setInterval(refresh, EVERY_MS);
live.on("up", refresh);
