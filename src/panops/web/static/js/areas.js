// What covers a camera's zones over time: a curve a class for one zone, a line a zone and class, CSV.

import { get, part, query } from "./api.js";
import { curves, TONES } from "./curve.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { parts, t } from "./messages.js";
import { start } from "./shell.js";
import { className, plain } from "./things.js";
import { percent } from "./words.js";

const DAY_S = 86400;
// What never covers so much of a zone is not drawn.
const LEAST = 0.02;
const EVERY_MS = 60_000;
const id = decodeURIComponent(location.pathname.split("/")[2]);
const { live } = await start();
const form = byId("filters");
const place = (zone) => zone || t("Whole picture");

/** The classes of some rows of one zone as lines over their spans, the largest first: `{spans, lines}` as `curves` takes them. */
export function linesOf(rows) {
  const spans = [...new Map(rows.map((row) => [row.start_s, row])).values()].map(({ start_s, end_s, label }) => ({ start_s, end_s, label }));
  const at = new Map(spans.map((span, index) => [span.start_s, index]));
  const lines = new Map();
  for (const row of rows) {
    if (!lines.has(row.class_name)) lines.set(row.class_name, { name: row.class_name, most: 0, shares: spans.map(() => 0) });
    const line = lines.get(row.class_name);
    line.shares[at.get(row.start_s)] = row.mean;
    line.most = Math.max(line.most, row.most);
  }
  const shown = [...lines.values()].filter((line) => line.most >= LEAST).sort((a, b) => b.most - a.most);
  return { spans, lines: shown.slice(0, TONES) };
}

/** Rows by zone and class: mean by looks, least and most of all spans. */
export function totals(rows) {
  const found = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.zone, row.class_name]);
    const one = found.get(key) ?? { zone: row.zone, name: row.class_name, looks: 0, sum: 0, least: 1, most: 0 };
    found.set(key, { ...one, looks: one.looks + row.looks, sum: one.sum + row.mean * row.looks, least: Math.min(one.least, row.least), most: Math.max(one.most, row.most) });
  }
  return [...found.values()].map((one) => ({ ...one, mean: one.looks ? one.sum / one.looks : 0 })).sort((a, b) => a.zone.localeCompare(b.zone) || b.mean - a.mean);
}

function draw(rows) {
  const { spans, lines } = linesOf(rows);
  const say = (index) => {
    byId("point").textContent = index < 0 ? t("Shares of the zone's pixels.") : `${spans[index].label}: ${lines.map(({ name, shares }) => `${plain(className(name))} ${percent(shares[index])}`).join(", ")}.`;
  };
  fill(byId("curve"), curves(spans, lines, t("What covers it over time: {list}", { list: lines.map(({ name }) => plain(className(name))).join(", ") }), say));
  fill(byId("legend"), lines.map(({ name }, at) => h("span", {}, h("i", { class: `tone-${at % TONES}` }), plain(className(name)))));
  say(-1);
}

function nothing() {
  fill(byId("legend"));
  byId("point").textContent = "";
  fill(byId("curve"), h("div", { class: "notice" }, icon("info"), h("span", {}, parts("Nothing is kept of this time. A camera with {setting} looks for what covers its zones; docs/maps.md says how.", { setting: h("code", {}, "maps") }))));
  fill(byId("rows"));
}

let asked = 0;
async function refresh() {
  if (document.hidden) return;
  const mine = (asked += 1);
  const { zone, days } = form.elements;
  const to = Math.ceil(Date.now() / 1000);
  const wanted = query({ from: to - Number(days.value) * DAY_S, to, camera: id, bucket: days.value === "1" ? "five_minutes" : "hour" });
  byId("csv").href = `/api/v1/areas.csv${wanted}`;
  try {
    const { areas } = await get(`/areas${wanted}`);
    if (mine !== asked) return; // another choice was made meanwhile
    for (const name of new Set(areas.map((row) => row.zone))) if (![...zone.options].some((option) => option.value === name)) zone.append(h("option", { value: name }, name));
    const shown = areas.filter((row) => row.zone === zone.value);
    if (!shown.length) return nothing();
    draw(shown);
    fill(byId("rows"), totals(areas).map((one) => h("tr", {}, h("td", {}, place(one.zone)), h("td", {}, plain(className(one.name))), ...[one.mean, one.least, one.most].map((share) => h("td", { class: "number" }, percent(share))))));
  } catch (error) {
    if (mine === asked && error.status) fill(byId("curve"), empty("alarm", t("It cannot be shown"), error.message, [], true));
  }
}

byId("back").href = `/cameras/${part(id)}`;
get(`/cameras/${part(id)}`).then((camera) => { byId("title").textContent = t("Areas: {name}", { name: camera.name }); }, () => {});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", refresh);
await refresh();
setInterval(refresh, EVERY_MS);
live.on("up", refresh);
