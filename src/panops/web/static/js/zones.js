// Zones, lines and ground of a camera, drawn over its live picture. What is not saved stays in this browser, and is offered again.

import { api, get, part } from "./api.js";
import { stateOf } from "./condition.js";
import { byId, empty, fill, h, icon, memory, typing } from "./dom.js";
import { Drawing } from "./drawing.js";
import { inside, n, t } from "./messages.js";
import { Picture } from "./picture.js";
import { fault, History, NAME, toPlaces, toShapes } from "./shapes.js";
import { announce, start, toast } from "./shell.js";
import { sentence } from "./words.js";
import { Trial } from "./zone_trial.js";

const id = decodeURIComponent(location.pathname.split("/")[2]);
const DRAFT = `draft.places.${id}`;
const HINTS = {
  zone: t("Click or tap the corners one by one; click the first one or press Enter to finish. By keyboard: arrow keys, Space, Enter. Esc forgets it."),
  line: t("Click or tap the points of the line, then press Enter or double-click. Walking from the first point, side A is on the left hand."),
  ground: t("Click or tap the four corners of a large rectangle on the ground that you can measure, one after the other."),
};
const IDLE = t("Drag a corner, an edge's middle or the whole. By keyboard: Tab walks, the arrow keys move (Shift: faster), Delete deletes.");
const WORDS = { zone: t("Zone"), line: t("Line"), ground: t("Ground") };
const ICONS = { zone: "zone", line: "line", ground: "speed" };
const { can, live } = await start();

let etag = null;
let stored = "";
let usedBy = {};
let history = new History();
let trial = null;
const picture = new Picture();
const drawing = new Drawing({ before: () => history.keep(drawing.shapes), changed, selected: list, remove, drawing: showDrawing });

const faulty = () => drawing.shapes.some((shape) => fault(shape) || nameFault(shape));
const dirty = () => JSON.stringify(drawing.shapes) !== stored;

// ---------------------------------------------------------------- what is not saved
function changed() {
  memory.set(DRAFT, dirty() ? JSON.stringify({ etag, shapes: drawing.shapes }) : "");
  show();
}

function show() {
  const open = dirty();
  byId("state").hidden = !open;
  byId("state").className = "chip amber";
  fill(byId("state"), icon("edit", true), h("span", {}, t("Not saved")));
  byId("save").disabled = !open || faulty();
  byId("undo").disabled = !history.canUndo;
  byId("redo").disabled = !history.canRedo;
  document.querySelector("[data-draw=ground]").disabled = drawing.shapes.some((shape) => shape.kind === "ground");
  list();
}

function step(way) {
  drawing.shapes = history[way](drawing.shapes);
  drawing.selected = Math.min(drawing.selected, drawing.shapes.length - 1);
  changed();
  drawing.draw();
}

function bringBack() {
  let draft = null;
  try {
    draft = JSON.parse(memory.get(DRAFT, "") || "null");
  } catch {
    memory.set(DRAFT, "");
  }
  if (!draft || !Array.isArray(draft.shapes) || JSON.stringify(draft.shapes) === stored) return;
  const theirs = drawing.shapes;
  const changedMeanwhile = draft.etag !== etag;
  drawing.shapes = draft.shapes;
  etag = draft.etag; // so that saving tells when somebody else was faster
  toast(changedMeanwhile ? t("Your unsaved drawing is back; the camera was changed meanwhile.") : t("Your unsaved drawing is back."), "green", [t("Discard"), () => {
    drawing.shapes = theirs;
    load();
  }]);
}

// ---------------------------------------------------------------- the list
function nameFault({ kind, name }) {
  if (kind === "ground") return "";
  if (!NAME.test(name)) return t("Letters, digits, _ and -, beginning with a letter or digit.");
  return drawing.shapes.filter((shape) => shape.kind !== "ground" && shape.name === name).length > 1 ? t("Another zone or line has this name.") : "";
}

function nameField(shape, at) {
  const input = h("input", { class: "input", id: `name-${at}`, value: shape.name, maxlength: 63, autocomplete: "off", spellcheck: "false", "aria-label": shape.kind === "zone" ? t("Name of the zone") : t("Name of the line") });
  const wrong = h("p", { class: "problem", role: "alert" });
  const check = () => {
    const text = nameFault(shape);
    wrong.hidden = !text;
    fill(wrong, icon("alarm", true), text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  let kept = false;
  input.addEventListener("input", () => {
    if (!kept) history.keep(drawing.shapes);
    kept = true;
    shape.name = input.value.trim();
    check();
    memory.set(DRAFT, JSON.stringify({ etag, shapes: drawing.shapes }));
    drawing.draw();
    byId("state").hidden = !dirty();
    byId("save").disabled = !dirty() || faulty();
    trial?.show(drawing.shapes, drawing.selected, !faulty());
  });
  input.addEventListener("change", changed);
  check();
  return [input, wrong];
}

function metres(shape, at) {
  const field = (corner, axis) => {
    const input = h("input", { class: "input", type: "number", step: "any", value: shape.metres[corner][axis], "aria-label": t("Corner {corner}, {axis} in metres", { corner: corner + 1, axis: axis ? "y" : "x" }) });
    input.addEventListener("change", () => {
      if (!Number.isFinite(input.valueAsNumber)) return;
      history.keep(drawing.shapes);
      shape.metres = shape.metres.map((pair, one) => (one === corner ? pair.with(axis, input.valueAsNumber) : pair));
      changed();
    });
    return input;
  };
  return h("div", { class: "metres", id: `metres-${at}` }, h("p", { class: "hint muted" }, t("Where the corners are on the ground, x and y in metres, in the order in which they were drawn.")),
    shape.metres.map((_, corner) => h("div", { class: "row" }, h("span", { class: "muted" }, corner + 1), field(corner, 0), field(corner, 1))));
}

function card(shape, at) {
  const users = usedBy[shape.was] ?? [];
  const wrong = fault(shape);
  const chosen = at === drawing.selected;
  return h("div", { class: chosen ? "place chosen" : "place", data: { place: shape.name } },
    h("div", { class: "row" },
      h("button", { class: "button plain square", type: "button", "aria-label": t("Select {name}", { name: shape.name }), "aria-pressed": String(chosen), onclick: () => drawing.select(at) }, icon(ICONS[shape.kind])),
      shape.kind === "ground" ? h("strong", { class: "grow" }, t("Ground in metres")) : h("div", { class: "field grow" }, nameField(shape, at)),
      h("button", { class: "button plain square", type: "button", "aria-label": t("Delete {name}", { name: shape.name }), onclick: () => remove(at) }, icon("trash"))),
    wrong ? h("p", { class: "problem", role: "alert" }, icon("alarm", true), wrong) : null,
    users.length ? h("p", { class: "hint muted" }, t("Used by"), " ", users.flatMap((name, one) => [one ? ", " : "", h("a", { href: `/rules/${part(name)}` }, name)])) : null,
    shape.kind === "ground" && chosen ? metres(shape, at) : null,
    shape.was && shape.was === shape.name && shape.kind !== "ground" && !dirty() ? h("a", { class: "button", href: `/rules/new?camera=${part(id)}&${shape.kind}=${part(shape.name)}` }, icon("plus"), shape.kind === "zone" ? t("Rule for this zone") : t("Rule for this line")) : null);
}

function list() {
  const typingIn = document.activeElement?.matches?.("#places .input") ? [document.activeElement.id, document.activeElement.selectionStart] : null;
  fill(byId("places"), drawing.shapes.length ? drawing.shapes.map(card) : empty("zone", t("Nothing is drawn yet"), t("Choose Zone or Line above the picture, then click its corners.")));
  if (typingIn?.[0]) byId(typingIn[0])?.focus();
  trial?.show(drawing.shapes, drawing.selected, !faulty());
}

function remove(at) {
  const shape = drawing.shapes[at];
  const users = usedBy[shape.was] ?? [];
  if (users.length) {
    const values = { kind: WORDS[shape.kind], name: shape.was, rules: users.join(", ") };
    say(n("{kind} “{name}” is used by the rule {rules}. Change or delete it first.", "{kind} “{name}” is used by the rules {rules}. Change or delete them first.", users.length, values));
    return;
  }
  history.keep(drawing.shapes);
  drawing.shapes = drawing.shapes.toSpliced(at, 1);
  drawing.selected = -1;
  say("");
  changed();
  drawing.draw();
  announce(t("{name} is deleted", { name: shape.name }));
}

function showDrawing(kind) {
  byId("hint").textContent = kind ? HINTS[kind] : IDLE;
  for (const button of document.querySelectorAll("[data-draw]")) button.setAttribute("aria-pressed", String(button.dataset.draw === kind));
}

function say(text, actions = []) {
  byId("wrong").hidden = !text;
  fill(byId("wrong"), icon("alarm"), h("div", { class: "stack grow" }, h("span", {}, text), actions.length ? h("div", { class: "row" }, actions) : null));
}

// ---------------------------------------------------------------- server
function take(places, newEtag) {
  etag = newEtag;
  usedBy = places.used_by;
  drawing.shapes = toShapes(places);
  stored = JSON.stringify(drawing.shapes);
}

async function load() {
  let found = null;
  const places = await get(`/cameras/${part(id)}/places`, { onHeaders: (headers) => { found = headers.get("ETag"); } });
  take(places, found);
  history = new History();
  drawing.selected = -1;
  memory.set(DRAFT, "");
  say("");
  show();
  drawing.draw();
}

async function save(over = false) {
  byId("save").disabled = true;
  try {
    let found = null;
    const selected = drawing.shapes[drawing.selected]?.name;
    const places = await api("PUT", `/cameras/${part(id)}/places`, toPlaces(drawing.shapes), { headers: over ? {} : { "If-Match": etag }, onHeaders: (headers) => { found = headers.get("ETag"); } });
    take(places, found);
    drawing.selected = drawing.shapes.findIndex((shape) => shape.name === selected);
    memory.set(DRAFT, "");
    say("");
    toast(t("Saved. The camera follows within seconds."));
    drawing.draw();
    if (document.activeElement === document.body) drawing.root.focus({ preventScroll: true }); // the button is off now
  } catch (error) {
    const text = error.fields?.length ? error.fields.map(({ field, message }) => `${field}: ${message}`).join(" ") : error.message;
    if (error.status !== 412) say(sentence(text));
    else say(t("Somebody else changed this camera meanwhile."), [
      h("button", { class: "button", type: "button", onclick: load }, t("Load theirs, drop mine")), h("button", { class: "button", type: "button", onclick: () => save(true) }, t("Save mine over theirs"))]);
  }
  show();
}

/** A camera that sends nothing now is drawn on as it looked at its newest event. */
async function still(camera) {
  const { events } = await get(`/events?camera=${part(id)}&limit=20&suppressed=also`).catch(() => ({ events: [] }));
  const seen = events.find((one) => one.has_snapshot);
  if (picture.drawn) return;
  picture.root.after(seen ? h("img", { class: "still", alt: "", src: `/api/v1/events/${part(seen.event_id)}/snapshot.jpg?size=m` })
    : h("p", { class: "still muted" }, t("There is no picture of this camera now: {state}.", { state: inside(stateOf(camera.state).word) })));
}

function listen(camera) {
  if (camera.state !== "live") still(camera);
  live.on("frames", (frames) => Promise.all(frames.filter((frame) => frame.id === id).map((frame) => {
    byId("easel").style.aspectRatio = String(picture.overlay.ratio);
    byId("easel").querySelector(".still")?.remove();
    return picture.show({ ...frame, boxes: [] });
  })));
  live.watch([camera.id], 2, "l");
  for (const button of document.querySelectorAll("[data-draw]")) button.addEventListener("click", () => drawing.begin(button.dataset.draw));
  byId("undo").addEventListener("click", () => step("undo"));
  byId("redo").addEventListener("click", () => step("redo"));
  byId("save").addEventListener("click", () => save());
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.target.closest?.("input, textarea, dialog")) return;
    if (key === "z") step(event.shiftKey ? "redo" : "undo");
    else if (key === "y") step("redo");
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!typing(event) && event.key === "Escape" && drawing.isDrawing) drawing.cancel();
  });
}

const back = [h("a", { class: "button", href: "/cameras" }, icon("back"), t("All cameras"))];
if (!can("admin")) {
  fill(byId("sheet"), empty("lock", t("Only administrators draw zones"), t("Ask one of them to draw this zone or line, or to change your role."), back));
} else {
  try {
    const camera = await get(`/cameras/${part(id)}`);
    byId("title").textContent = camera.name;
    document.title = t("Zones of {name} · panops", { name: camera.name });
    byId("back").href = `/cameras/${part(id)}`;
    const [width, height] = camera.size_wh;
    byId("easel").style.aspectRatio = width ? `${width} / ${height}` : "16 / 9";
    byId("easel").append(picture.root, drawing.root);
    const draft = memory.get(DRAFT, "");
    const rules = get("/rules").then((answer) => answer.rules ?? [], () => []);
    await load();
    trial = new Trial(camera, await rules);
    memory.set(DRAFT, draft);
    bringBack();
    showDrawing(null);
    show();
    drawing.draw();
    listen(camera);
  } catch (error) {
    fill(byId("sheet"), empty("camera", error.status === 404 ? t("There is no such camera") : t("The camera could not be read"), error.message, back, true));
  }
}
