// One camera: a large picture with what is watched drawn over it, its health, its events.

import { api, get, part } from "./api.js";
import { latest } from "./brief.js";
import { byId, empty, facts, fill, h, icon, memory, typing } from "./dom.js";
import { showDrift } from "./drift.js";
import { showRecording } from "./recording.js";
import { confirm, start, toast } from "./shell.js";
import { showVideo } from "./showing.js";
import { showSwitches } from "./switches.js";
import { Tile } from "./tile.js";
import { ago } from "./time.js";
import { codec, duration, givenUp, conditionOf, kindOf, plain, plural, trouble, whole } from "./words.js";

const id = decodeURIComponent(location.pathname.split("/")[2]);
const { can, live } = await start();
let tile = null;
let switches = () => {};
let video = () => {};

function health(camera) {
  const state = conditionOf(camera);
  const [width, height] = camera.size_wh;
  const rows = facts([
    ["State", h("span", { class: `chip ${state.tone}` }, icon(state.icon, true), state.word)],
    ["Says", camera.message || state.help ? trouble(camera) || state.help : ""], ["What to do", camera.state === "live" ? "" : state.advice ?? ""],
    ["Address", h("span", { class: "mono" }, camera.address)], ["Picture", width ? `${width} × ${height}, ${codec(camera.codec)}` : ""],
    ["Frames", `${camera.source_fps.toFixed(1)} a second come in, ${camera.checks_fps.toFixed(1)} are looked at (at most ${camera.check_fps})`],
    ["Detector", camera.model ? `${camera.model}${camera.inference_ms ? `, ${camera.inference_ms.toFixed(1)} ms a picture` : ""}` : ""],
    ["Keyframes", camera.keyframe_interval_s ? `every ${duration(camera.keyframe_interval_s)}` : ""],
    ["Takes", camera.cost_cores ? `${(100 * camera.cost_cores).toFixed(1)} % of a core` : ""],
    ["Followed now", plural(camera.tracks, "object")], ["Last frame", camera.last_frame_s ? ago(camera.last_frame_s) : "none yet"],
    ["So far", `${whole(camera.decoded)} frames decoded, ${whole(camera.analysed)} analysed`],
    ["Given up", givenUp(camera).text || "no frame"],
    ["Reconnects", whole(camera.reconnects)]]);
  fill(byId("health"), rows);
}

const LIMITS = {
  occupancy: (rule) => `, ${rule.when === "below" ? "fewer" : "more"} than ${rule.limit}`,
  crowding: (rule) => `, ${rule.count} or more close together`,
  speed: (rule) => `, faster than ${rule.limit_kmh} km/h`,
  tailgating: (rule) => `, within ${duration(rule.within_s)} of another one`,
  direction: (rule) => (rule.when === "against" ? ", against the allowed way" : ", in any but the allowed way"),
  absence: () => ", nobody there",
};
const TOGETHER = { all: "When all of these come together", any: "When one of these comes", sequence: "When these come one after the other" };

function sentence(rule) {
  const always = rule.schedule?.length ? "; on a schedule" : "; always";
  if (rule.kind === "combined") return `${TOGETHER[rule.how]}: ${rule.of.join(", ")}${always}.`;
  const what = rule.classes.map((name) => (name === "moving" ? "anything that moves" : plain(name).toLowerCase())).join(", ");
  const where = rule.zone ? ` in “${rule.zone}”` : rule.line ? ` over “${rule.line}”` : " anywhere in the picture";
  const limit = LIMITS[rule.kind]?.(rule) ?? "";
  const dwell = rule.after_s ? `, for longer than ${duration(rule.after_s)}` : "";
  return `${plain(what)}${where}${limit}${dwell}${always}.`;
}

async function rules(camera) {
  const answer = await get("/rules").catch(() => ({ rules: [] }));
  const mine = (answer.rules ?? answer).filter((rule) => !rule.cameras.length || rule.cameras.includes(camera.id));
  const edit = can("admin") ? [h("a", { class: "button", href: `/rules/new?camera=${part(id)}` }, "Set up an alarm")] : [];
  fill(byId("rules"), mine.length
    ? mine.map((rule) => h("div", { class: "rule" }, icon(kindOf(rule.kind).icon), h("div", {}, h("strong", {}, kindOf(rule.kind).word), h("span", { class: "faint" }, " · "), can("admin") ? h("a", { href: `/rules/${part(rule.id)}` }, rule.id) : h("span", { class: "faint" }, rule.id), h("span", { class: "faint" }, rule.enabled ? "" : " · off"), h("p", {}, sentence(rule)))))
    : empty("info", "Nothing raises an alarm here yet", "The camera is shown and followed, but no rule watches it.", edit));
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
  if (!(await confirm(`Delete “${name}”?`, "It is no longer watched. Its events stay until their time is over.", "Delete"))) return;
  try {
    await api("DELETE", `/cameras/${part(id)}`);
    location.href = "/cameras";
  } catch (error) {
    toast(`Not deleted: ${error.message}`, "red");
  }
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("view").requestFullscreen?.().then(() => {}, () => toast("This browser does not allow full screen", "red"));
}

function listen(camera) {
  live.on("frames", (frames) => Promise.all(frames.filter((frame) => frame.id === id).map((frame) => tile.show(frame))));
  live.on("camera", (message) => message.camera.id === id && update(message.camera));
  live.on("event", ({ event }) => event.camera_id === id && tile.alarm(event));
  live.on("down", () => tile.stale("Connection to the server lost"));
  live.on("up", () => {
    tile.watched(true);
    get(`/cameras/${part(id)}`).then(update, () => {}); // a camera that is gone says so at the next visit
  });
  setInterval(() => {
    tile.check(performance.now());
    health(tile.camera);
  }, 1000);
  // With video, pictures only bring the boxes.
  video = showVideo(tile, camera, (playing) => live.watch([camera.id], playing ? 5 : 10, playing ? "s" : "l"));
  live.watch([camera.id], 10, "l");
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
  pressed("toggle-boxes", "boxes", (on) => tile.picture.toggleBoxes(on));
  pressed("toggle-shapes", "shapes", (on) => tile.picture.setShapes(on && some ? shapes : null));
  switches = showSwitches(byId("off"), byId("switches"), id, can("operator"), update);
  update(camera);
  rules(camera);
  showDrift(byId("drift"), id);
  showRecording(byId("recording"), byId("view"), tile.root, id, can("operator"));
  listen(camera);
  document.addEventListener("keydown", (event) => {
    if (typing(event)) return;
    if (event.key.toLowerCase() === "f") fullScreen();
    else if (event.key.toLowerCase() === "b") byId("toggle-boxes").click();
    else if (event.key === "Escape" && !document.fullscreenElement) location.href = "/cameras";
  });
  latest(byId("recent"), live, { filter: { camera: id }, where: false, limit: 20, teach: "What this camera's rules see appears here." });
  const { cameras } = await get("/cameras");
  fill(byId("jump"), cameras.sort((a, b) => a.name.localeCompare(b.name)).map((one) => h("option", { value: one.id, selected: one.id === id }, one.name)));
  byId("jump").addEventListener("change", ({ target }) => { location.href = `/cameras/${part(target.value)}`; });
} catch (error) {
  const title = error.status === 404 ? "There is no such camera" : "The camera could not be read";
  fill(byId("main"), empty("camera", title, error.status === 404 ? "It was deleted, or you may not see it." : error.message, [h("a", { class: "button", href: "/cameras" }, icon("back"), "All cameras")], true));
}
