// How panops itself is doing: figures, notices, models, one line a camera.

import { get, part } from "./api.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { start } from "./shell.js";
import { Spark } from "./spark.js";
import { bytes, duration, percent, plain, plural, sentence, stateOf, whole } from "./words.js";

const EVERY_MS = 5000;
const { can, site, live } = await start();
const cameras = new Map();

const cards = new Map();
/** One figure; `value` undefined leaves it out, since not every run measures everything. */
function figure(key, symbol, word, value, text, note = "", drawn = false) {
  if (value === undefined || value === null) return;
  if (!cards.has(key)) {
    const card = { value: h("b"), note: h("small"), spark: drawn ? new Spark(`${word}, last minutes`) : null };
    card.root = h("div", { class: "card" }, h("span", {}, icon(symbol), word), card.value, card.note, card.spark?.root);
    cards.set(key, card);
    byId("figures").append(card.root);
  }
  const card = cards.get(key);
  card.value.textContent = text;
  card.note.textContent = note;
  card.spark?.add(value);
}

function figures({ metrics = {} }) {
  const states = [...cameras.values()].map((camera) => stateOf(camera.state).tone);
  const count = (tone) => states.filter((one) => one === tone).length;
  figure("cameras", "camera", "Cameras live", states.length, `${count("green")} of ${states.length}`, count("red") ? `${count("red")} down` : count("amber") ? `${count("amber")} waiting` : "all well");
  const checks = [...cameras.values()].reduce((sum, camera) => sum + camera.checks_fps, 0);
  figure("checks", "eye", "Pictures looked at", checks, `${checks.toFixed(1)} /s`, "all cameras", true);
  figure("cpu", "chip", "Processor", metrics.cpu_cores, `${Number(metrics.cpu_cores ?? 0).toFixed(2)} cores`, metrics.shards === undefined ? "" : plural(metrics.shards, "process"), true);
  figure("memory", "system", "Memory", metrics.rss_bytes, bytes(metrics.rss_bytes), "of panops itself", true);
  figure("disk", "disk", "Free storage", metrics.storage_free_bytes, bytes(metrics.storage_free_bytes), metrics.events_written === undefined ? "" : `${plural(metrics.events_written, "event")} written`);
  figure("uptime", "clock", "Running for", metrics.uptime_s, duration(metrics.uptime_s ?? 0), "");
}

function standing({ notices = [] }) {
  fill(byId("standing"), notices.length
    ? notices.map((notice) => h("div", { class: `notice ${notice.level}` }, icon(notice.level === "alarm" ? "alarm" : "warning"), h("span", {}, h("strong", {}, `${plain(notice.topic)}: `), notice.message)))
    : h("div", { class: "notice" }, icon("ok"), h("span", {}, "Nothing. Storage, processes and detector are well.")));
}

async function models() {
  const { active, models: all } = await get("/models");
  const head = [h("div", { class: "row" }, h("span", { class: "chip accent" }, icon("chip", true), "In use"), h("strong", {}, site.model || active || "none")), site.model_note ? h("p", { class: "muted" }, sentence(site.model_note)) : null];
  fill(byId("models"), head, all.map((model) => h("div", { class: "model" },
    h("div", { class: "row" }, h("strong", {}, model.name), h("span", { class: `chip ${model.state === "installed" ? "green" : ""}` }, model.state === "installed" ? "Installed" : "Available"), h("span", { class: "faint" }, `${plain(model.task)} · ${model.input_size_wh.join(" × ")} · ${plural(model.classes.length, "class")} · ${model.licence}`)),
    Object.keys(model.accuracy).length ? h("p", {}, `Measured: ${Object.entries(model.accuracy).map(([set, value]) => `${plain(set)} ${value <= 1 ? percent(value) : value}`).join(", ")}.`) : null,
    model.note ? h("p", {}, model.note) : null, model.not_for ? h("p", {}, `Not for: ${model.not_for}`) : null)));
}

function rows() {
  const all = [...cameras.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const number = (value) => h("td", { class: "number" }, value);
  fill(byId("rows"), all.length ? all.map((camera) => {
    const state = stateOf(camera.state);
    const causes = Object.entries(camera.dropped).filter(([, count]) => count > 0).map(([cause, count]) => `${cause.replaceAll("_", " ")} ${whole(count)}`);
    return h("tr", {}, h("td", {}, h("a", { class: "ellipsis", href: `/cameras/${part(camera.id)}` }, camera.name)), h("td", {}, h("span", { class: `chip ${state.tone}`, title: camera.message || null }, icon(state.icon, true), state.word)),
      number(camera.source_fps.toFixed(1)), number(camera.checks_fps.toFixed(1)), number(camera.inference_ms ? camera.inference_ms.toFixed(1) : "–"), number(whole(camera.decoded)), number(whole(camera.analysed)), h("td", {}, causes.join(", ") || "–"), number(whole(camera.reconnects)));
  }) : h("tr", {}, h("td", { colspan: 9, class: "muted" }, "No cameras yet.")));
}

async function refresh() {
  if (document.hidden) return;
  try {
    const [now, list] = await Promise.all([get("/site"), get("/cameras")]);
    cameras.clear();
    for (const camera of list.cameras) cameras.set(camera.id, camera);
    figures(now);
    standing(now);
    rows();
  } catch {
    // The connection pill tells it; the next round tries again.
  }
}

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", "This page is for operators", "It shows how panops itself is doing. Ask an administrator to change your role.", [h("a", { class: "button", href: "/" }, icon("live"), "Live wall")]));
} else {
  byId("version").textContent = `panops ${site.version}`;
  fill(byId("standing"), h("div", { class: "skeleton notice" }, "\u00a0"));
  await refresh();
  setInterval(refresh, EVERY_MS);
  live.on("camera", ({ camera }) => { if (cameras.has(camera.id)) cameras.set(camera.id, camera); });
  live.on("up", refresh);
  models().catch((error) => fill(byId("models"), h("p", { class: "muted" }, error.message)));
}
