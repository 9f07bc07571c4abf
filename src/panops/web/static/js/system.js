// How panops itself is doing: figures, notices, models, one line a camera.

import { get, part } from "./api.js";
import { conditionOf, givenUp, givingUp, stateOf, trouble } from "./condition.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { decimal, inside, n, t } from "./messages.js";
import { modelCard, ranked } from "./model_card.js";
import { showRecordings } from "./recordings_table.js";
import { start } from "./shell.js";
import { Spark } from "./spark.js";
import { plain, plural } from "./things.js";
import { bytes, duration, sentence, whole } from "./words.js";

const EVERY_MS = 5000;
const MOST_ILL = 6;
// Up to this relief only idle cameras sleep.
const ONLY_SLEEP = 0.4;
const { can, site, live } = await start();
const cameras = new Map();

const cards = new Map();
/** One figure; `value` undefined leaves it out, since not every run measures everything. */
function figure(key, symbol, word, value, text, note = "", drawn = false) {
  if (value === undefined || value === null) return;
  if (!cards.has(key)) {
    const card = { value: h("b"), note: h("small"), spark: drawn ? new Spark(t("{word}, last minutes", { word })) : null };
    card.root = h("div", { class: "card" }, h("span", {}, icon(symbol), word), card.value, card.note, card.spark?.root);
    cards.set(key, card);
    byId("figures").append(card.root);
  }
  const card = cards.get(key);
  card.value.textContent = text;
  card.note.textContent = note;
  card.spark?.add(value);
}

function figures({ metrics = {}, shards }) {
  const states = [...cameras.values()].map((camera) => stateOf(camera.state).tone);
  const count = (tone) => states.filter((one) => one === tone).length;
  figure("cameras", "camera", t("Cameras live"), states.length, t("{count} of {all}", { count: count("green"), all: states.length }), count("red") ? t("{count} down", { count: count("red") }) : count("amber") ? t("{count} waiting", { count: count("amber") }) : t("all well"));
  const checks = [...cameras.values()].reduce((sum, camera) => sum + camera.checks_fps, 0);
  figure("checks", "eye", t("Pictures looked at"), checks, `${decimal(checks, 1)} /s`, t("all cameras"), true);
  figure("cpu", "chip", t("Processor"), metrics.cpu_cores, t("{count} cores", { count: decimal(metrics.cpu_cores ?? 0, 2) }), metrics.shards === undefined ? "" : plural(metrics.shards, "process"), true);
  figure("memory", "system", t("Memory"), metrics.rss_bytes, bytes(metrics.rss_bytes), t("of panops itself"), true);
  const relief = Math.max(0, ...(shards ?? []).map((shard) => shard.relief));
  const asleep = (shards ?? []).reduce((sum, shard) => sum + shard.asleep, 0);
  if (shards?.length) figure("load", "warning", t("Relief"), relief, relief ? t("{count} of {all}", { count: Math.round(100 * relief), all: 100 }) : t("none needed"), asleep ? n("{count} camera asleep", "{count} cameras asleep", asleep) : relief ? t("see below") : "", true);
  figure("disk", "disk", t("Free storage"), metrics.storage_free_bytes, bytes(metrics.storage_free_bytes), metrics.events_written === undefined ? "" : n("{count} event written", "{count} events written", metrics.events_written));
  figure("uptime", "clock", t("Running for"), metrics.uptime_s, duration(metrics.uptime_s ?? 0), "");
}

const STAGES = { demux: t("Connections"), decode: t("Decoding"), gate: t("Motion gate"), detect: t("Detector"), secondary: t("Secondary models"), track: t("Tracker"), rules: t("Rules"), preview: t("Pictures for pages"), record: t("Recording"), other: t("Storage, evidence, start, all else") };
let stagesBefore = null;

/** Whether more is given up than the rate of idle cameras, which miss nothing. */
const pressed = (shards = []) => shards.some((shard) => shard.cameras && shard.relief > ONLY_SLEEP);

/** Where the processes' time went since the last look, and what is given up. */
function stages({ shards }) {
  const now = { at: performance.now(), used: {} };
  for (const shard of shards ?? []) for (const [stage, seconds] of Object.entries(shard.cpu_s)) now.used[stage] = (now.used[stage] ?? 0) + seconds;
  const before = stagesBefore;
  stagesBefore = now;
  const said = givingUp(shards);
  const busy = said.length && !pressed(shards) ? h("span", { class: "notice warning" }, icon("warning"), h("span", {}, h("strong", {}, t("Much to do:")), " ", sentence(said.join("; ")))) : null;
  if (!before) return fill(byId("stages-note"), t("Measured between two looks, a few seconds apart."), busy);
  const words = [...cameras.values()].some(({ address }) => address.startsWith("sim:")) ? { ...STAGES, demux: t("Connections, simulated cameras") } : STAGES;
  const shares = Object.keys(STAGES).filter((stage) => stage in now.used).map((stage) => [stage, Math.max(0, now.used[stage] - (before.used[stage] ?? 0)) * 1000 / (now.at - before.at)]);
  const largest = Math.max(0.01, ...shares.map(([, share]) => share));
  fill(byId("stages"), shares.map(([stage, share]) => h("li", {}, h("span", {}, words[stage]), h("meter", { min: 0, max: largest, value: share, "aria-label": words[stage] }), h("b", {}, `${decimal(100 * share, 1)} %`))));
  const late = Math.max(0, ...(shards ?? []).map((shard) => shard.check_p95_s ?? 0));
  fill(byId("stages-note"), [t("Of one core, over the last seconds."), late ? t("From picture to verdict: {time} or less, 19 times in 20.", { time: duration(Math.max(0.1, late)) }) : ""].filter(Boolean).join(" "), busy);
}

/** What somebody should look at: notices of the site, then cameras that are not well. */
function standing({ notices = [], shards }) {
  const row = (tone, ...said) => h("div", { class: `notice ${tone}` }, icon(tone === "alarm" ? "alarm" : "warning"), h("span", {}, said));
  const ill = [...cameras.values()].filter((camera) => ["red", "amber"].includes(stateOf(camera.state).tone))
    .sort((a, b) => stateOf(b.state).tone.localeCompare(stateOf(a.state).tone) || a.name.localeCompare(b.name, undefined, { numeric: true }));
  const rows = [...(pressed(shards) ? [row("warning", h("strong", {}, t("Too much to do:")), " ", sentence(givingUp(shards).join("; ")))] : []), ...notices.map((notice) => row(notice.level, h("strong", {}, `${plain(notice.topic)}: `), sentence(notice.message))),
    ...ill.slice(0, MOST_ILL).map((camera) => row(stateOf(camera.state).tone === "red" ? "alarm" : "warning",
      h("a", { href: `/cameras/${part(camera.id)}` }, camera.name), `: ${inside(stateOf(camera.state).word)}. ${trouble(camera)}`))];
  if (ill.length > MOST_ILL) rows.push(row("warning", h("a", { href: "/cameras" }, n("{count} more camera", "{count} more cameras", ill.length - MOST_ILL))));
  fill(byId("standing"), rows.length ? rows : h("div", { class: "notice" }, icon("ok"), h("span", {}, t("Nothing. Cameras, storage, processes and detector are well."))));
}

async function models() {
  const { active, models: all } = await get("/models");
  const used = { [site.model || active]: 0 };
  for (const { model } of cameras.values()) used[model] = (used[model] ?? 0) + 1;
  fill(byId("models-note"), site.model_note ? sentence(site.model_note) : "");
  fill(byId("models"), ranked(all, used).map((model) => modelCard(model, used[model.name])));
}

function rows() {
  const all = [...cameras.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const number = (value) => h("td", { class: "number" }, value);
  fill(byId("rows"), all.length ? all.map((camera) => {
    const state = conditionOf(camera);
    const dropped = givenUp(camera);
    return h("tr", {}, h("td", {}, h("a", { class: "ellipsis", href: `/cameras/${part(camera.id)}` }, camera.name)), h("td", {}, h("span", { class: `chip ${state.tone}`, title: camera.message || null }, icon(state.icon, true), state.word)),
      number(decimal(camera.source_fps, 1)), number(decimal(camera.checks_fps, 1)), number(camera.inference_ms ? decimal(camera.inference_ms, 1) : "–"), number(camera.cost_cores ? decimal(100 * camera.cost_cores, 1) : "–"), number(whole(camera.decoded)), number(whole(camera.analysed)), h("td", { class: "number", title: dropped.text || null }, whole(dropped.total)), number(whole(camera.reconnects)));
  }) : h("tr", {}, h("td", { colspan: 10, class: "muted" }, t("No cameras yet."))));
}

async function refresh() {
  if (document.hidden) return;
  try {
    const [now, list] = await Promise.all([get("/site"), get("/cameras")]);
    cameras.clear();
    for (const camera of list.cameras) cameras.set(camera.id, camera);
    figures(now);
    standing(now);
    stages(now);
    rows();
  } catch {
    // The connection pill tells it; the next round tries again.
  }
}

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", t("This page is for operators"), t("It shows how panops itself is doing. Ask an administrator to change your role."), [h("a", { class: "button", href: "/" }, icon("live"), t("Live wall"))]));
} else {
  byId("version").textContent = `panops ${site.version}`;
  fill(byId("standing"), h("div", { class: "skeleton notice" }, "\u00a0"));
  await refresh();
  setInterval(refresh, EVERY_MS);
  live.on("camera", ({ camera }) => { if (cameras.has(camera.id)) cameras.set(camera.id, camera); });
  live.on("up", refresh);
  const recordings = () => document.hidden || showRecordings(byId("recordings"), byId("recording-rows"), byId("recordings-note"), (id) => cameras.get(id)?.name ?? id).catch(() => {}); // the next round tries again
  recordings();
  setInterval(recordings, 60_000);
  models().catch((error) => fill(byId("models"), h("p", { class: "muted" }, error.message)));
}
