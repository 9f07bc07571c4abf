// Add or edit a camera: address, connection test with the first picture or the exact reason, one simple alarm.

import { idFor, withLogin, withLoginOf } from "./address.js";
import { api, get, part } from "./api.js";
import { stateOf } from "./condition.js";
import { byId, empty, facts, fill, h, icon } from "./dom.js";
import { decimal, t } from "./messages.js";
import { start } from "./shell.js";
import { plain } from "./things.js";
import { codec, duration, sentence } from "./words.js";

const path = location.pathname.split("/");
const editing = path[3] === "edit" ? decodeURIComponent(path[2]) : null;
const form = byId("form");
const fields = form.elements;
const result = byId("result");
const { can, site, live } = await start();
live.watch([], 1, "s");

let stored = null;
let etag = null;
let saved = editing; // the id under which it is stored; a new camera has one after its first good PUT
let alarmRule = null;
let alarmClass = "person";
let transport = "tcp";
let testing = null;
let dirty = false;

const address = () => withLogin(fields.source.value, fields.user.value.trim(), fields.secret.value);
const isFile = () => /^(file:|\/)/i.test(fields.source.value.trim());
const records = () => fields.record.value !== "off";
/** The address that is recorded instead; empty for none. While nothing is recorded, what is stored stays. */
const recordAddress = () => (!records() ? stored?.config?.record_source ?? "" : fields.record_source.value.trim() ? withLoginOf(withLogin(fields.record_source.value, fields.user.value.trim(), fields.secret.value), address()) : "");

// ---------------------------------------------------------------- the form
function shape() {
  const network = /^(rtsps?|https?):/i.test(fields.source.value) || !fields.source.value;
  byId("login").hidden = !network;
  byId("record-source-field").hidden = !records();
  byId("loop-row").hidden = !isFile();
  byId("transport-field").hidden = !/^rtsps?:/i.test(fields.source.value) && fields.source.value !== "";
  const scheme = (address) => /^[a-z]+:/i.exec(address)?.[0].toLowerCase().replace(/^(rtsp|http)s:/, "$1:");
  const example = [...form.querySelectorAll("[data-example]")].find((one) => scheme(one.dataset.example) === scheme(fields.source.value));
  if (example) byId("source-hint").textContent = example.dataset.hint;
  if (isFile() && site.file_roots?.length) byId("source-hint").textContent = t("A video file on the server, in one of these folders: {folders}.", { folders: site.file_roots.join(", ") });
  if (fields.source.value.includes("***")) byId("source-hint").textContent = t("The stored password is hidden as ***. Leave it so to keep it; type user name and password below to change them.");
}

function complain(error) {
  for (const old of form.querySelectorAll(".problem")) old.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  byId("wrong").hidden = true;
  if (!error) return;
  const rest = [];
  for (const { field, message } of error.fields ?? []) {
    const input = fields[field.split(".").pop()];
    if (input === fields.record_source) byId("record-source-field").hidden = false;
    if (!input?.closest?.(".field")) {
      rest.push(field ? `${plain(field)}: ${message}` : message);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    input.after(h("p", { class: "problem", role: "alert" }, icon("alarm", true), message));
  }
  const text = rest.length ? rest.join(" ") : error.fields?.length ? "" : error.message;
  byId("wrong").hidden = !text;
  fill(byId("wrong"), icon("alarm"), h("span", {}, text));
  form.querySelector("[aria-invalid]")?.focus();
}

function pickTransport(value) {
  transport = value;
  for (const button of byId("transport").children) button.setAttribute("aria-pressed", String(button.dataset.value === value));
}

byId("transport").addEventListener("click", ({ target }) => target.dataset.value && pickTransport(target.dataset.value));
for (const button of form.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    const folder = button.dataset.example === "file:///" ? site.file_roots?.[0] : null;
    fields.source.value = folder ? `file://${folder}/` : button.dataset.example;
    shape();
    fields.source.focus();
  });
}
byId("find-cameras").addEventListener("click", async () => (await import("./camera_discover.js")).findCameras((stream, camera, login) => {
  fields.source.value = stream.source;
  fields.name.value ||= camera.name;
  [fields.user.value, fields.secret.value] = [login.user, login.secret];
  const area = ({ size_wh: [width, height] }) => width * height;
  const main = camera.streams.reduce((best, one) => (area(one) > area(best) ? one : best), stream);
  fields.record_source.value = main === stream ? "" : main.source; // seen as soon as recording is chosen
  dirty = true;
  shape();
  byId("test").focus();
}));
fields.source.addEventListener("input", shape);
fields.record.addEventListener("change", shape);
form.addEventListener("input", () => { dirty = true; });
addEventListener("beforeunload", (event) => dirty && event.preventDefault());

// ---------------------------------------------------------------- the test
function hint() {
  fill(result, empty("camera", t("Test before you save"), t("The test connects, decodes one picture and shows it here, or says in plain words what is wrong.")));
}

function picture(base64) {
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const image = h("img", { src: URL.createObjectURL(new Blob([raw], { type: "image/jpeg" })), alt: t("First picture of the camera") });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  return h("div", { class: "shot" }, image);
}

/** What the stream that is recorded turned out to be, below what the watched one did. */
function showRecorded(found) {
  const state = stateOf(found.state);
  const [width, height] = found.size_wh;
  const recordable = ["h264", "h265", "hevc", "av1"].includes(found.codec.toLowerCase());
  result.append(h("div", { class: `verdict ${found.ok && recordable ? "good" : "bad"}`, id: "recorded-verdict" }, icon(found.ok ? (recordable ? "ok" : "alarm") : state.icon), h("div", {},
    h("strong", {}, found.ok ? (recordable ? t("The main stream works, too") : t("The main stream cannot be recorded")) : t("The main stream: {state}", { state: state.word })),
    h("p", {}, found.ok ? `${width} × ${height}, ${codec(found.codec)}. ${recordable ? "" : t("H.264, H.265 and AV1 are recorded.")}`.trim() : found.message ? sentence(found.message) : state.help))));
}

function show(found) {
  const state = stateOf(found.state);
  const [width, height] = found.size_wh;
  if (!found.ok) {
    fill(result, h("div", { class: "verdict bad" }, icon(state.icon), h("div", {}, h("strong", {}, state.word), h("p", {}, found.message ? sentence(found.message) : state.help))),
      state.advice ? h("div", { class: "notice warning" }, icon("info"), h("span", {}, state.advice)) : null, found.took_s >= 1 ? facts([[t("Took"), duration(found.took_s)]]) : null);
    return;
  }
  const slow = found.keyframe_interval_s > 4;
  fill(result, h("div", { class: "verdict good" }, icon("ok"), h("div", {}, h("strong", {}, t("It works")), h("p", {}, found.message ? sentence(found.message) : t("This is what the camera sees now.")))), found.picture && picture(found.picture),
    facts([[t("Picture"), `${width} × ${height}`], [t("Codec"), codec(found.codec)], [t("Frames"), found.rate_fps ? t("{count} a second", { count: decimal(found.rate_fps, 1, 0) }) : ""],
      [t("Whole picture"), found.keyframe_interval_s ? t("every {time}", { time: duration(found.keyframe_interval_s) }) : ""], [t("Took"), duration(found.took_s)]]),
    slow ? h("div", { class: "notice warning" }, icon("info"), h("span", {}, t("The camera sends a whole picture (keyframe, I-frame) rarely. Every 1 to 2 seconds is better: waking and clips start faster."))) : null,
    width > 1920 ? h("div", { class: "notice" }, icon("info"), h("span", {}, t("This is a large stream. The camera's smaller “sub” stream costs far less and is usually enough for detection."))) : null);
}

async function test() {
  if (!fields.source.value.trim()) return complain({ fields: [{ field: "source", message: t("Please enter the camera's address.") }] });
  complain(null);
  testing?.abort();
  const mine = new AbortController();
  testing = mine;
  const held = document.activeElement === byId("test");
  byId("test").disabled = true;
  requestAnimationFrame(() => result.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  result.setAttribute("aria-busy", "true");
  fill(result, h("div", { class: "testing" }, h("div", { class: "verdict" }, icon("clock"), h("div", {}, h("strong", {}, t("Connecting …")), h("p", {}, t("This takes a moment, at most about 15 seconds.")))), h("div", { class: "skeleton" })));
  const probe = (source) => api("POST", "/cameras/test", { source, transport, ...(editing ? { camera_id: editing } : {}) }, { signal: mine.signal });
  try {
    const found = await probe(address());
    show(found);
    if (found.ok && records() && recordAddress()) showRecorded(await probe(recordAddress()));
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    hint();
    complain(error);
  } finally {
    if (testing === mine) byId("test").disabled = false;
    if (held && document.activeElement === document.body) byId("test").focus({ preventScroll: true });
    result.removeAttribute("aria-busy");
  }
  return undefined;
}
byId("test").addEventListener("click", test);

// ---------------------------------------------------------------- saving
/** The settings to store: what is there already, changed by the form. */
function wanted() {
  const { source: _, ...rest } = stored?.config ?? {};
  return { ...rest, record: { ...rest.record, mode: fields.record.value }, record_source: recordAddress(), source: address(), name: fields.name.value.trim(), transport, loop: isFile() ? fields.loop.checked : rest.loop, enabled: fields.enabled.checked };
}

async function putCamera() {
  const onHeaders = (headers) => { etag = headers.get("ETag"); };
  if (saved !== null) {
    stored = await api("PUT", `/cameras/${part(saved)}`, wanted(), { headers: etag ? { "If-Match": etag } : {}, onHeaders });
    return;
  }
  const taken = (await get("/cameras")).cameras.map((camera) => camera.id);
  const name = fields.name.value || new URL(fields.source.value, "rtsp://camera").hostname;
  for (let tries = 1; ; tries += 1) {
    const id = idFor(name, taken);
    try {
      stored = await api("PUT", `/cameras/${part(id)}`, wanted(), { headers: { "If-None-Match": "*" }, onHeaders });
      saved = id;
      return;
    } catch (error) {
      if (error.status !== 412 || tries === 20) throw error;
      taken.push(id); // somebody was faster
    }
  }
}

async function saveAlarm(id) {
  const want = fields.alarm.checked;
  const ruleId = alarmRule?.id ?? `${id}-${alarmClass}`.slice(0, 63);
  if (want && !alarmRule) await api("PUT", `/rules/${part(ruleId)}`, { id: ruleId, kind: "intrusion", cameras: [id], classes: [alarmClass], after_s: 1 });
  else if (want && !alarmRule.enabled) await api("PUT", `/rules/${part(ruleId)}`, { ...alarmRule, enabled: true });
  else if (!want && alarmRule) await api("DELETE", `/rules/${part(ruleId)}`);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!fields.source.value.trim()) return complain({ fields: [{ field: "source", message: t("Please enter the camera's address.") }] });
  complain(null);
  byId("save").disabled = true;
  try {
    await putCamera();
    if (!fields.alarm.disabled) {
      await saveAlarm(saved).catch((error) => { throw new Error(t("The camera is stored, its alarm is not: {reason}", { reason: error.message })); });
    }
    dirty = false;
    location.href = editing ? `/cameras/${part(saved)}` : "/";
  } catch (error) {
    byId("save").disabled = false;
    complain(error.status === 412 ? { message: t("Somebody else changed this camera meanwhile. Load the page again to see it; your changes here are not stored.") } : error);
  }
  return undefined;
});

// ---------------------------------------------------------------- begin
async function fillIn() {
  stored = await get(`/cameras/${part(editing)}`, { onHeaders: (headers) => { etag = headers.get("ETag"); } });
  byId("title").textContent = t("Edit {name}", { name: stored.name });
  document.title = `${stored.name} · panops`;
  byId("back").href = `/cameras/${part(editing)}`;
  byId("enabled-row").hidden = false;
  fields.source.value = stored.config?.source ?? stored.address;
  fields.name.value = stored.config?.name ?? stored.name;
  fields.enabled.checked = stored.enabled;
  fields.loop.checked = stored.config?.loop ?? false;
  fields.record.value = stored.config?.record?.mode ?? "off";
  fields.record_source.value = stored.config?.record_source ?? "";
  pickTransport(stored.transport);
}

async function alarmChoice() {
  const [answer, models] = await Promise.all([get("/rules").catch(() => []), get("/models").catch(() => ({ active: "", models: [] }))]);
  const rules = answer.rules ?? answer;
  const classes = stored?.classes?.length ? stored.classes : models.models.find((model) => model.name === models.active)?.classes ?? [];
  if (classes.length && !classes.includes("person") && classes.includes("moving")) {
    alarmClass = "moving";
    byId("alarm-word").textContent = t("Alarm when anything moves in the picture");
    byId("alarm-hint").textContent = t("The detector in use sees that something moves, not what it is.");
  }
  const whole = rules.filter((rule) => rule.kind === "intrusion" && !rule.zone && rule.enabled && rule.classes.includes(alarmClass));
  const everywhere = whole.find((rule) => !rule.cameras.length);
  if (everywhere) {
    fields.alarm.disabled = true;
    byId("alarm-hint").textContent = t("The rule “{rule}” does this for every camera already.", { rule: everywhere.id });
    return;
  }
  if (!editing) return;
  alarmRule = rules.find((rule) => rule.kind === "intrusion" && !rule.zone && rule.cameras.length === 1 && rule.cameras[0] === editing) ?? null;
  fields.alarm.checked = alarmRule?.enabled ?? false;
}

if (!can("admin")) {
  fill(byId("sheet"), empty("lock", t("Only administrators change cameras"), t("Ask one of them to add this camera or to change your role."), [h("a", { class: "button", href: "/cameras" }, icon("back"), t("All cameras"))]));
} else {
  hint();
  try {
    if (editing) await fillIn();
    else fields.source.value = new URLSearchParams(location.search).get("source") ?? "";
    shape();
    await alarmChoice();
    if (!editing) fields.source.focus();
  } catch (error) {
    fill(byId("sheet"), empty("camera", error.status === 404 ? t("There is no such camera") : t("The camera could not be read"), error.message, [h("a", { class: "button", href: "/cameras" }, icon("back"), t("All cameras"))], true));
  }
}
