// All cameras with their health, those in trouble first.

import { get, part } from "./api.js";
import { givenUp, stateOf } from "./condition.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { chosenGroup, groupQuery, groupSelect } from "./group_select.js";
import { decimal, t } from "./messages.js";
import { start } from "./shell.js";
import { offWords } from "./switches.js";
import { plural } from "./things.js";
import { Tile } from "./tile.js";
import { codec, percent, whole } from "./words.js";

const RANK = { red: 0, amber: 1, grey: 2, green: 3 };
const list = byId("list");
const cards = new Map();

const { can, live } = await start();

const WORTH_SAYING = 0.01;

function figures(camera) {
  const dropped = givenUp(camera);
  const figure = (word, value) => h("div", { class: "figure" }, h("span", { class: "ellipsis" }, word), h("b", { class: "ellipsis" }, value));
  const [width, height] = camera.size_wh;
  return [figure(t("Frames in"), camera.state !== "live" ? "–" : camera.asleep ? t("asleep") : `${decimal(camera.source_fps, 1)} /s`), figure(t("Looked at"), camera.state === "live" ? `${decimal(camera.checks_fps, 1)} /s` : "–"),
    figure(t("Picture"), width ? `${width} × ${height}` : "–"),
    figure(t("Reconnects"), whole(camera.reconnects)), figure(t("Given up"), dropped.total ? `${whole(dropped.total)} (${percent(dropped.share)})` : "0"),
    figure(t("Codec"), camera.codec ? codec(camera.codec) : "–")];
}

class Card {
  constructor(camera) {
    this.tile = new Tile(camera, () => { location.href = `/cameras/${part(camera.id)}`; });
    this.figures = h("div", { class: "figures" });
    this.losses = h("p", { class: "losses" });
    this.off = h("p", { class: "losses off" });
    this.address = h("span", { class: "mono ellipsis" });
    const link = (path, symbol, word) => h("a", { class: "button plain square", href: `/cameras/${part(camera.id)}${path}`, "aria-label": `${word} ${camera.name}`, title: word }, icon(symbol));
    this.root = h("article", { class: "card camera-card" }, this.tile.root, this.figures, this.off, this.losses,
      h("div", { class: "foot" }, this.address, h("a", { class: "button plain square", href: `/events?camera=${part(camera.id)}`, "aria-label": t("Events of {name}", { name: camera.name }), title: t("Events") }, icon("events")),
        can("admin") && link("/edit", "edit", t("Edit")), link("", "next", t("Open"))));
    this.update(camera);
  }

  update(camera) {
    this.camera = camera;
    this.tile.update(camera);
    fill(this.figures, figures(camera));
    const { text, share } = givenUp(camera);
    const off = offWords(camera);
    this.off.hidden = !off;
    this.off.textContent = off;
    this.losses.hidden = share < WORTH_SAYING;
    this.losses.textContent = t("Given up: {text}", { text });
    this.address.textContent = camera.address;
    this.address.title = camera.address;
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (cards.has(target.dataset.id)) cards.get(target.dataset.id).seen = isIntersecting;
  subscribe();
});

/** One picture a second for what is on the screen. */
function subscribe() {
  const seen = [...cards.values()].filter((card) => card.seen && card.camera.state !== "disabled");
  for (const card of cards.values()) {
    const on = seen.includes(card);
    if (on !== card.on) card.tile.watched(on);
    card.on = on;
  }
  live.watch(seen.map((card) => card.camera.id), 1, "s");
}

function tally() {
  const all = [...cards.values()].map((card) => card.camera);
  const count = (tone) => all.filter((camera) => stateOf(camera.state).tone === tone).length;
  const chip = (number, tone, symbol, word) => (number ? h("span", { class: `chip ${tone}` }, icon(symbol, true), `${number} ${word}`) : null);
  fill(byId("tally"), all.length ? h("span", { class: "chip" }, icon("camera", true), plural(all.length, "camera")) : null, chip(count("green"), "green", "ok", t("live")), chip(count("amber"), "amber", "warning", t("waiting")), chip(count("red"), "red", "alarm", t("down")), chip(count("grey"), "", "power", t("off")));
}

/** Once on loading: those in trouble first. Later changes do not move what is being read. */
function arrange(cameras) {
  cameras.sort((a, b) => RANK[stateOf(a.state).tone] - RANK[stateOf(b.state).tone] || a.name.localeCompare(b.name, undefined, { numeric: true }));
  for (const card of cards.values()) watcher.unobserve(card.tile.root);
  const old = new Map(cards);
  cards.clear();
  for (const camera of cameras) {
    const card = old.get(camera.id) ?? new Card(camera);
    card.update(camera);
    cards.set(camera.id, card);
  }
  if (!cameras.length) {
    fill(list, can("admin")
      ? empty("camera", t("No cameras yet"), t("Add the first one: panops tests the connection and shows the first picture before anything is saved."), [h("a", { class: "button primary", href: "/cameras/new" }, icon("plus"), t("Add a camera")), h("a", { class: "button", href: "/cameras/new?source=sim://yard" }, icon("play"), t("Try a simulated one"))])
      : empty("camera", t("No cameras for you yet"), t("An administrator adds cameras and says who may see them.")));
  } else fill(list, [...cards.values()].map((card) => card.root));
  find();
  tally();
  for (const card of cards.values()) watcher.observe(card.tile.root);
}

function find() {
  const wanted = byId("find").value.trim().toLowerCase();
  for (const { root, camera } of cards.values()) root.hidden = wanted !== "" && ![camera.name, camera.id, camera.address, stateOf(camera.state).word].some((text) => text.toLowerCase().includes(wanted));
}

async function load() {
  try {
    arrange((await get(`/cameras${groupQuery()}`)).cameras);
  } catch (error) {
    if (!cards.size) fill(list, empty("warning", t("The cameras could not be read"), error.message, [h("button", { class: "button", onclick: load }, icon("retry"), t("Try again"))], true));
  }
}

groupSelect(load);
byId("find").addEventListener("input", find);
byId("import").addEventListener("click", async () => (await import("./camera_import.js")).importCameras(load));
live.on("frames", (frames) => Promise.all(frames.map((frame) => cards.get(frame.id)?.tile.show(frame))));
live.on("camera", ({ camera }) => {
  cards.get(camera.id)?.update(camera);
  tally();
});
live.on("event", ({ event }) => cards.get(event.camera_id)?.tile.alarm(event));
live.on("down", () => [...cards.values()].forEach((card) => card.tile.stale(t("Connection to the server lost"))));
live.on("up", () => {
  for (const card of cards.values()) card.tile.watched(card.on === true);
  load();
});
live.on("cameras", ({ index }) => {
  if (chosenGroup() || Object.keys(index).length !== cards.size || Object.keys(index).some((id) => !cards.has(id))) load();
});
setInterval(() => [...cards.values()].forEach((card) => card.tile.check(performance.now())), 1000);
fill(list, Array.from({ length: 6 }, () => h("div", { class: "card camera-card bone skeleton" })));
await load();
