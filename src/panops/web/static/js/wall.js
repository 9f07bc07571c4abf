// The live wall: which tiles there are, which of them get pictures, one of them large.

import { get, part, query } from "./api.js";
import { latest } from "./brief.js";
import { stateOf } from "./condition.js";
import { byId, empty, fill, h, icon, memory, typing } from "./dom.js";
import { bestGrid } from "./grid.js";
import { chosenGroup, groupQuery, groupSelect } from "./group_select.js";
import { decimal, t } from "./messages.js";
import { announce, start } from "./shell.js";
import { plural } from "./things.js";
import { Tile } from "./tile.js";
import { clock } from "./time.js";
import { Pages } from "./wall_pages.js";
import { savedViews } from "./wall_views.js";
import { kindOf } from "./words.js";

const GRIDS = [1, 2, 3, 4, 6, 8];
const wall = byId("wall");
const tiles = new Map();
let big = null;
/** The saved view that is shown, or null. */
let view = null;
/** The grid that was chosen since the view was opened. */
let grid = null;
const pages = new Pages(() => subscribe());

const { can, site, live } = await start();

// ---------------------------------------------------------------- pictures only for what is seen
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const tile = tiles.get(target.dataset.id);
    if (tile) tile.visible = isIntersecting;
  }
  subscribe();
}, { rootMargin: "80px" });

function subscribe() {
  const seen = [...tiles.values()].filter((tile) => tile.visible && tile.camera.state !== "disabled");
  const width = (seen[0]?.root.clientWidth ?? 0) * Math.min(devicePixelRatio || 1, 1.5);
  let [size, fps] = ["s", 5];
  if (seen.length <= 16 && width > 560) size = "m";
  if (seen.length === 1 && width > 560) [size, fps] = ["l", 10];
  for (const tile of tiles.values()) {
    const watched = seen.includes(tile);
    if (watched !== (tile.watch === true)) tile.watched(watched);
    tile.watch = watched;
  }
  const soon = pages.ahead.filter((tile) => !seen.includes(tile) && tile.camera.state !== "disabled");
  live.watch([...seen, ...soon].map((tile) => tile.camera.id), fps, size, boxesOn && can("operator"));
}

live.on("frames", (frames) => Promise.all(frames.map((frame) => tiles.get(frame.id)?.show(frame))));
live.on("down", () => {
  for (const tile of tiles.values()) tile.stale(t("Connection to the server lost"));
  summary();
});
live.on("up", () => {
  for (const tile of tiles.values()) tile.watched(tile.watch === true);
  load();
});
live.on("cameras", ({ index }) => {
  const known = Object.keys(index);
  if (chosenGroup() || view || known.length !== tiles.size || known.some((id) => !tiles.has(id))) load();
});
live.on("camera", ({ camera }) => {
  tiles.get(camera.id)?.update(camera);
  summary();
});
// Once an event, whenever it is told: what was held back may be believed after a while.
const announced = new Set();
live.on("event", ({ event }) => {
  tiles.get(event.camera_id)?.alarm(event);
  if (event.ended_at_s !== null) announced.delete(event.event_id);
  else if (!announced.has(event.event_id)) {
    announced.add(event.event_id);
    announce(`${kindOf(event.kind).word}, ${event.camera_name}`);
  }
});
const tick = () => {
  const now = performance.now();
  for (const tile of tiles.values()) tile.check(now);
  pages.tick(now, big !== null || document.hidden);
  byId("now").textContent = clock(Date.now() / 1000); // the site's clock, as on every event
};
tick();
setInterval(tick, 1000);

// A view says itself of which group it is.
if (!new URLSearchParams(location.search).has("view")) groupSelect(() => load());

// ---------------------------------------------------------------- tiles
let loading = null;
/** The tiles in the order of the wall. */
let shown = [];
const address = () => `/cameras${view ? query({ group: view.group ?? "" }) : groupQuery()}`;
/** Which view it is stands in the address; what is in it comes. */
const arrangement = savedViews(can, () => ({ cameras: view?.cameras ?? [], group: view ? view.group : chosenGroup() || null, columns: Number(columns()) || null }))
  .then((found) => { view = found; });

async function read() {
  await arrangement; // else a view would show cameras that it does not name
  const asked = address();
  const { cameras } = await get(asked);
  return asked === address() ? arrange(cameras) : read(); // somebody chose another group meanwhile
}

function load() {
  loading ??= read().catch((error) => {
    if (!tiles.size) fill(wall, empty("warning", t("The cameras could not be read"), error.message, [h("button", { class: "button", onclick: load }, icon("retry"), t("Try again"))], true));
  }).finally(() => { loading = null; });
  return loading;
}

function ordered(cameras) {
  if (view?.gone) return []; // it names no camera that is there; with none it would be all
  if (view?.cameras.length) {
    const known = new Map(cameras.map((camera) => [camera.id, camera]));
    return view.cameras.flatMap((id) => known.get(id) ?? []);
  }
  return cameras.sort((a, b) => (a.name || a.id).localeCompare(b.name || b.id, undefined, { numeric: true }));
}

function arrange(all) {
  const cameras = ordered(all);
  const ids = new Set(cameras.map((camera) => camera.id));
  for (const [id, tile] of tiles) {
    if (ids.has(id)) continue;
    if (big === tile) enlarge(null);
    watcher.unobserve(tile.root);
    tiles.delete(id);
  }
  for (const camera of cameras) {
    if (tiles.has(camera.id)) tiles.get(camera.id).update(camera);
    else add(camera);
  }
  shown = cameras.map((camera) => tiles.get(camera.id));
  if (!cameras.length) fill(wall, view ? empty("camera", t("Nothing in this view"), t("Its cameras are gone, or you may not see them any more."), [h("a", { class: "button", href: "/" }, t("All cameras"))]) : welcome());
  else fill(wall, shown.map((tile) => tile.holder), can("admin") && !view ? addTile : null);
  setColumns(columns());
  summary();
}

function add(camera) {
  const tile = new Tile(camera, enlarge);
  tile.picture.showBoxes = boxesOn;
  const page = h("a", { class: "button", href: `/cameras/${part(camera.id)}` }, icon("camera"), h("span", { class: "word" }, t("Camera page")));
  tile.holder = h("div", { class: "holder" }, tile.root, h("div", { class: "big-bar" },
    h("button", { class: "button", onclick: () => enlarge(null) }, icon("back"), h("span", { class: "word" }, t("All cameras"))),
    h("div", { class: "row" }, step(-1, "prev", t("Camera before")), step(1, "next", t("Next camera")), page)));
  tiles.set(camera.id, tile);
  watcher.observe(tile.root);
}

const step = (by, symbol, label) => h("button", { class: "button square", "aria-label": label, title: label, onclick: () => move(by) }, icon(symbol));
const addTile = h("a", { class: "add-tile", href: "/cameras/new" }, icon("plus"), t("Add a camera"));

function welcome() {
  if (!can("admin")) return empty("camera", t("No cameras for you yet"), t("An administrator adds cameras and says who may see them."));
  return empty("camera", t("Add your first camera"), t("panops reads network cameras (RTSP, HTTP), video files and USB cameras. The test shows the first picture before anything is saved."),
    [h("a", { class: "button primary", href: "/cameras/new" }, icon("plus"), t("Add a camera")), h("a", { class: "button", href: "/cameras/new?source=sim://yard" }, icon("play"), t("Try a simulated one"))]);
}

// ---------------------------------------------------------------- grid, one large, full screen
const phone = matchMedia("(max-width: 760px)");
const columns = () => grid ?? (view ? String(view.columns ?? "auto") : memory.get("grid", "auto"));

function setColumns(choice) {
  const fixed = GRIDS.includes(Number(choice));
  const most = fixed ? Number(choice) ** 2 : 64;
  pages.set(shown, most, phone.matches ? null : view?.turn_s);
  let free = phone.matches || tiles.size % choice > 0 || tiles.size < choice ** 2;
  let pressed = fixed ? String(choice) : "auto";
  wall.style.removeProperty("--columns");
  if (!fixed && !phone.matches) {
    // The outer size: a scroll bar that comes and goes must not make the grid flip to and fro.
    const { offsetWidth, offsetHeight } = byId("scroll");
    const { columns, rows } = bestGrid(Math.min(Math.max(tiles.size, 1), most), offsetWidth - 12, offsetHeight - 12, 6);
    wall.style.setProperty("--columns", columns);
    wall.style.setProperty("--rows", rows);
    free = columns * rows > tiles.size;
  } else if (!fixed) pressed = tiles.size === 1 ? "1" : "2"; // a phone scrolls: as wide as can be read
  wall.dataset.columns = pressed;
  // In a cell that is free: a row of its own would make a screen scroll that shows all cameras. Else there is the button.
  addTile.hidden = !free || tiles.size >= 64;
  byId("add").hidden = free || !can("admin");
  for (const button of byId("grids").children) button.setAttribute("aria-pressed", String(button.dataset.columns === pressed));
}

function enlarge(tile) {
  const before = big;
  big = tile === big ? null : tile;
  before?.holder.classList.remove("big");
  big?.holder.classList.add("big");
  wall.classList.toggle("has-big", big !== null);
  if (big) wall.dataset.columns = 1;
  else setColumns(columns());
  if (big) pages.show(big);
  (big ?? before)?.root.focus({ preventScroll: big !== null });
}

function move(by) {
  const all = [...tiles.values()].sort((a, b) => (a.holder.compareDocumentPosition(b.holder) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  if (big) enlarge(all[(all.indexOf(big) + by + all.length) % all.length]);
}

// Nothing but tiles: on the whole screen, or where a browser refuses that, in its window.
const bare = (on) => document.documentElement.classList.toggle("bare", on);
const isBare = () => document.documentElement.classList.contains("bare");

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (isBare()) bare(false);
  else {
    bare(true);
    document.documentElement.requestFullscreen?.().catch(() => {});
  }
}
document.addEventListener("fullscreenchange", () => bare(document.fullscreenElement !== null));

byId("grids").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  grid = button.dataset.columns;
  if (!view) memory.set("grid", grid);
  if (big) enlarge(null);
  setColumns(button.dataset.columns);
});
byId("full").addEventListener("click", fullScreen);
document.addEventListener("keydown", (event) => {
  if (typing(event)) return;
  if (event.key === "Escape" && big) enlarge(null);
  else if (event.key === "Escape" && isBare()) fullScreen();
  else if (event.key === "PageDown" && !big) pages.turn(1);
  else if (event.key === "PageUp" && !big) pages.turn(-1);
  else if (event.key === "f" || event.key === "F") fullScreen();
  else if (event.key === "b" || event.key === "B") byId("toggle-boxes").click();
  else if (event.key === "ArrowRight") move(1);
  else if (event.key === "ArrowLeft") move(-1);
});

let boxesOn = memory.get("boxes", "on") === "on";
function pressed(id, on, apply) {
  const button = byId(id);
  const show = (value) => {
    button.setAttribute("aria-pressed", String(value));
    apply(value);
  };
  show(on);
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
}
pressed("toggle-boxes", boxesOn, (on) => {
  boxesOn = on;
  memory.set("boxes", on ? "on" : "off");
  for (const tile of tiles.values()) tile.picture.toggleBoxes(on);
  subscribe(); // names are asked for only where they are shown, as each look at them is noted
});
pressed("toggle-ticker", memory.get("ticker", "on") === "on", (on) => {
  memory.set("ticker", on ? "on" : "off");
  byId("layout").classList.toggle("no-ticker", !on);
});

// ---------------------------------------------------------------- the line below
function summary() {
  const all = [...tiles.values()];
  const count = (tone) => all.filter((tile) => stateOf(tile.camera.state).tone === tone).length;
  const item = (number, tone, symbol, word) => number ? h("span", { class: tone }, icon(symbol, true), `${decimal(number)} ${word}`) : null;
  fill(byId("summary"), h("span", {}, plural(all.length, "camera")), live.up ? item(count("green"), "green", "ok", t("live")) : h("span", { class: "red" }, icon("unplug", true), t("not connected")),
    live.up && item(count("amber"), "amber", "warning", t("waiting")), live.up && item(count("red"), "red", "alarm", t("down")));
}
fill(byId("detector"), icon("chip", true), h("span", {}, h("strong", {}, t("Detector: {model}", { model: site.model || t("none") })), site.model_note ? ` · ${site.model_note}` : ""));

new ResizeObserver(() => { if (!big) setColumns(columns()); }).observe(byId("scroll"));
fill(wall, Array.from({ length: 9 }, () => h("div", { class: "tile waiting" }, h("div", { class: "picture" }))));
wall.dataset.columns = 3;
latest(byId("ticker-list"), live);
await load();
