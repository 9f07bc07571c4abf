// One camera: a large picture with what is watched drawn over it, its health, its events.

import { api, get, part } from "./api.js";
import { latest } from "./brief.js";
import { conditionOf, givenUp, trouble } from "./condition.js";
import { byId, empty, facts, fill, h, icon, memory, typing } from "./dom.js";
import { showDrift } from "./drift.js";
import { decimal, t } from "./messages.js";
import { showRecording } from "./recording.js";
import { confirm, start, toast } from "./shell.js";
import { showVideo } from "./showing.js";
import { showSwitches } from "./switches.js";
import { className, plain, plural } from "./things.js";
import { Tile } from "./tile.js";
import { ago } from "./time.js";
import { codec, duration, kindOf, percent, whole } from "./words.js";

const id = decodeURIComponent(location.pathname.split("/")[2]);
const { can, live } = await start();
let tile = null;
let switches = () => {};
let video = () => {};
let plays = false;

function health(camera) {
  const state = conditionOf(camera);
  const [width, height] = camera.size_wh;
  const rows = facts([
    [t("State"), h("span", { class: `chip ${state.tone}` }, icon(state.icon, true), state.word)],
    [t("Says"), camera.message || state.help ? trouble(camera) || state.help : ""], [t("What to do"), camera.state === "live" ? "" : state.advice ?? ""],
    [t("Address"), h("span", { class: "mono" }, camera.address)], [t("Picture"), width ? `${width} × ${height}, ${codec(camera.codec)}` : ""],
    [t("Frames"), t("{source} a second come in, {checks} are looked at (at most {most})", { source: decimal(camera.source_fps, 1), checks: decimal(camera.checks_fps, 1), most: decimal(camera.check_fps, 1, 0) })],
    [t("Detector"), camera.model && camera.inference_ms ? t("{model}, {time} ms a picture", { model: camera.model, time: decimal(camera.inference_ms, 1) }) : camera.model ?? ""],
    [t("Keyframes"), camera.keyframe_interval_s ? t("every {time}", { time: duration(camera.keyframe_interval_s) }) : ""],
    [t("Takes [work]"), camera.cost_cores ? t("{share} % of a core", { share: decimal(100 * camera.cost_cores, 1) }) : ""],
    [t("Followed now"), plural(camera.tracks, "object")], [t("Last frame"), camera.last_frame_s ? ago(camera.last_frame_s) : t("none yet")],
    [t("So far"), t("{decoded} frames decoded, {analysed} analysed", { decoded: camera.decoded, analysed: camera.analysed })],
    [t("Given up"), givenUp(camera).text || t("no frame")],
    [t("Reconnects"), whole(camera.reconnects)]]);
  fill(byId("health"), rows);
}

const WHO = {
  known: () => t("whom panops knows"), unknown: () => t("whom nobody knows"), spoof: () => t("who show no living face"),
  listed: (values) => t("who are on one of: {lists}", values), unlisted: (values) => t("who are on none of: {lists}", values),
};
const LIMITS = {
  occupancy: ({ limit }, below) => (below ? t("fewer than {limit}", { limit }) : t("more than {limit}", { limit })),
  crowding: ({ count }) => t("{count} or more close together", { count }),
  speed: (rule) => t("faster than {speed} km/h", { speed: decimal(rule.limit_kmh, 1, 0) }),
  tailgating: (rule) => t("within {time} of another one", { time: duration(rule.within_s) }),
  direction: (rule) => (rule.when === "against" ? t("against the allowed way") : t("in any but the allowed way")),
  absence: () => t("nobody there"),
  hands_up: () => t("both hands up"),
  lying: () => t("lying on the ground"),
  fall: () => t("fallen and still lying"),
  identity: ({ who, lists }) => WHO[who]({ lists: lists.join(", ") }),
  area: ({ above, below }) => (above === null ? t("less than {share} covered", { share: percent(below) }) : t("more than {share} covered", { share: percent(above) })),
  gesture: ({ signs, sequence }) => [...signs, ...sequence].join(", "),
};
const TOGETHER = {
  all: (values) => t("When all of these come together: {rules}", values), any: (values) => t("When one of these comes: {rules}", values), sequence: (values) => t("When these come one after the other: {rules}", values),
};

/** What a rule of the camera watches for, in a sentence. */
function sentence(rule) {
  const when = rule.schedule?.length ? t("on a schedule") : t("always");
  if (rule.kind === "combined") return `${TOGETHER[rule.how]({ rules: rule.of.join(", ") })}; ${when}.`;
  const what = plain(rule.classes.map((name) => (name === "moving" ? t("anything that moves") : className(name))).join(", "));
  const where = rule.zone ? t("{what} in “{zone}”", { what, zone: rule.zone }) : rule.line ? t("{what} over “{line}”", { what, line: rule.line }) : t("{what} anywhere in the picture", { what });
  const dwell = rule.after_s ? t("for longer than {time}", { time: duration(rule.after_s) }) : "";
  return `${[where, LIMITS[rule.kind]?.(rule, rule.when === "below"), dwell].filter(Boolean).join(", ")}; ${when}.`;
}

async function rules(camera) {
  const answer = await get("/rules").catch(() => ({ rules: [] }));
  const mine = (answer.rules ?? answer).filter((rule) => !rule.cameras.length || rule.cameras.includes(camera.id));
  const edit = can("admin") ? [h("a", { class: "button", href: `/rules/new?camera=${part(id)}` }, t("Set up an alarm"))] : [];
  fill(byId("rules"), mine.length
    ? mine.map((rule) => h("div", { class: "rule" }, icon(kindOf(rule.kind).icon), h("div", {}, h("strong", {}, kindOf(rule.kind).word), h("span", { class: "faint" }, " · "), can("admin") ? h("a", { href: `/rules/${part(rule.id)}` }, rule.id) : h("span", { class: "faint" }, rule.id), h("span", { class: "faint" }, rule.enabled ? "" : ` · ${t("off")}`), h("p", {}, sentence(rule)))))
    : empty("info", t("Nothing raises an alarm here yet"), t("The camera is shown and followed, but no rule watches it."), edit));
}

function pressed(button, key, apply) {
  const show = (on) => {
    byId(button).setAttribute("aria-pressed", String(on));
    apply(on);
  };
  show(memory.get(key, "on") === "on");
  byId(button).addEventListener("click", () => {
    const on = byId(button).getAttribute("aria-pressed") !== "true";
    memory.set(key, on ? "on" : "off");
    show(on);
  });
}

function update(camera) {
  tile.update(camera);
  health(camera);
  switches(camera);
  video(camera);
  byId("picture").toggleAttribute("hidden", camera.state !== "live");
}

async function remove() {
  const name = tile.camera.name;
  if (!(await confirm(t("Delete “{name}”?", { name }), t("It is no longer watched. Its events stay until their time is over."), t("Delete")))) return;
  try {
    await api("DELETE", `/cameras/${part(id)}`);
    location.href = "/cameras";
  } catch (error) {
    toast(t("Not deleted: {reason}", { reason: error.message }), "red");
  }
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("view").requestFullscreen?.().then(() => {}, () => toast(t("This browser does not allow full screen"), "red"));
}

/** Asks for pictures, small ones where `playing` video is above them; for names only where they are shown, as each look at them is noted. */
function watch(playing = plays) {
  plays = playing;
  live.watch([id], playing ? 5 : 10, playing ? "s" : "l", tile.picture.showBoxes && can("operator"));
}

function listen(camera) {
  live.on("frames", (frames) => Promise.all(frames.filter((frame) => frame.id === id).map((frame) => tile.show(frame))));
  live.on("camera", (message) => message.camera.id === id && update(message.camera));
  live.on("event", ({ event }) => event.camera_id === id && tile.alarm(event));
  live.on("down", () => tile.stale(t("Connection to the server lost")));
  live.on("up", () => {
    tile.watched(true);
    get(`/cameras/${part(id)}`).then(update, () => {}); // a camera that is gone says so at the next visit
  });
  setInterval(() => {
    tile.check(performance.now());
    health(tile.camera);
  }, 1000);
  // With video, pictures only bring the boxes.
  video = showVideo(tile, camera, (playing) => watch(playing));
  watch(false);
  tile.watched(true);
}

try {
  const camera = await get(`/cameras/${part(id)}`);
  document.title = `${camera.name} · panops`;
  byId("title").textContent = camera.name;
  tile = new Tile(camera, fullScreen);
  byId("view").append(tile.root);
  byId("draw").href = `/cameras/${part(id)}/zones`;
  byId("edit").href = `/cameras/${part(id)}/edit`;
  byId("picture").href = `/api/v1/cameras/${part(id)}/snapshot.jpg?size=l`;
  byId("picture").download = `${id}.jpg`;
  byId("all-events").href = `/events?camera=${part(id)}`;
  byId("delete").addEventListener("click", remove);
  byId("full").addEventListener("click", fullScreen);
  const shapes = { zones: camera.zones, lines: camera.lines };
  const some = Object.keys(camera.zones).length + Object.keys(camera.lines).length > 0;
  byId("toggle-shapes").hidden = !some;
  pressed("toggle-boxes", "boxes", (on) => {
    tile.picture.toggleBoxes(on);
    watch();
  });
  pressed("toggle-shapes", "shapes", (on) => tile.picture.setShapes(on && some ? shapes : null));
  switches = showSwitches(byId("off"), byId("switches"), id, can("operator"), update);
  update(camera);
  rules(camera);
  showDrift(byId("drift"), id);
  byId("areas").href = `/cameras/${part(id)}/areas`;
  showRecording(byId("recording"), byId("view"), tile.root, id, can("operator"));
  listen(camera);
  document.addEventListener("keydown", (event) => {
    if (typing(event)) return;
    if (event.key.toLowerCase() === "f") fullScreen();
    else if (event.key.toLowerCase() === "b") byId("toggle-boxes").click();
    else if (event.key === "Escape" && !document.fullscreenElement) location.href = "/cameras";
  });
  latest(byId("recent"), live, { filter: { camera: id }, where: false, limit: 20, teach: t("What this camera's rules see appears here.") });
  const { cameras } = await get("/cameras");
  fill(byId("jump"), cameras.sort((a, b) => a.name.localeCompare(b.name)).map((one) => h("option", { value: one.id, selected: one.id === id }, one.name)));
  byId("jump").addEventListener("change", ({ target }) => { location.href = `/cameras/${part(target.value)}`; });
} catch (error) {
  const title = error.status === 404 ? t("There is no such camera") : t("The camera could not be read");
  fill(byId("main"), empty("camera", title, error.status === 404 ? t("It was deleted, or you may not see it.") : error.message, [h("a", { class: "button", href: "/cameras" }, icon("back"), t("All cameras"))], true));
}
