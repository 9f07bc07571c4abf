// Models: which versions there are, how they do, and which one is used.

import { api, get, part } from "./api.js";
import { cardBlocks } from "./card_blocks.js";
import { comparison } from "./comparison.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { confirm, start, toast } from "./shell.js";
import { plural } from "./things.js";
import { short } from "./time.js";
import { percent, sentence } from "./words.js";

const ROLES = { active: ["accent", "check", t("In use")], shadow: ["amber", "eye", t("Looks on")], previous: ["", "clock", t("In use before")] };
const SHOWN_CHANGES = 8;
const EFFECT = t("Cameras that run take it over within seconds; nothing is restarted.");
const { can, live } = await start();
const cameras = new Map();
let busy = false;

/** Names that the one finds and the other does not. */
const without = (one, other) => one.classes.filter((name) => !other.classes.includes(name));

/** What rules should know before a version comes into use. */
function changes(model, version) {
  const now = model.versions.find((one) => one.role === "active");
  if (!now) return null;
  const [gone, come] = [without(now, version), without(version, now)];
  const lines = [gone.length ? t("It does not find {list}: rules that name them will see nothing.", { list: gone.join(", ") }) : "", come.length ? t("It also finds {list}.", { list: come.join(", ") }) : ""].filter(Boolean);
  return lines.length ? h("p", { class: gone.length ? "notice warning" : "notice" }, icon(gone.length ? "warning" : "info"), h("span", {}, lines.join(" "))) : null;
}

/** Asks, does it, and shows how it is then. */
async function act(model, path, body, [title, text, word, options], done) {
  if (busy || !(await confirm(title, text, word, { harmless: true, ...options }))) return;
  busy = true;
  try {
    await api("POST", `/models/${part(model.name)}/${path}`, body, { headers: { "If-Match": model.etag } });
    toast(done, "green");
  } catch (error) {
    toast(error.message, "red");
  } finally {
    busy = false;
    await refresh();
  }
}

const promote = (model, one) => act(model, "promote", { version: one.version },
  [t("Put version {version} of {name} into use?", { version: one.version, name: model.name }), t("{effect} Version {active} stays here, so you can go back.", { effect: EFFECT, active: model.active }), t("Put into use"), { symbol: "check", more: changes(model, one) }], t("Version {version} is in use.", { version: one.version }));
const lookOn = (model, one) => act(model, "shadow", { version: one.version },
  [t("Let version {version} of {name} look on?", { version: one.version, name: model.name }), t("It sees some of the frames that the version in use sees, makes no event, and takes at most a fifth of a core."), t("Let it look on"), { symbol: "eye" }], t("Version {version} looks on.", { version: one.version }));
const endShadow = (model) => act(model, "shadow", { version: null },
  [t("Let version {shadow} look on no more?", { shadow: model.shadow }), t("What was counted so far stays."), t("End it"), { symbol: "power" }], t("It looks on no more."));
const rollBack = (model) => act(model, "rollback", {},
  [t("Go back to version {previous} of {name}?", { previous: model.previous, name: model.name }), t("{effect} Version {active} stays here, so you can come back to it.", { effect: EFFECT, active: model.active }), t("Go back"), { symbol: "retry", more: changes(model, model.versions.find((one) => one.version === model.previous) ?? { classes: [] }) }], t("Version {previous} is in use again.", { previous: model.previous }));

function buttons(model, one) {
  if (!can("admin") || one.problem) return null;
  const button = (symbol, word, doing, primary = false) => h("button", { class: primary ? "button primary" : "button", type: "button", onclick: doing }, icon(symbol), word);
  if (one.role === "active") return model.previous && model.versions.some((other) => other.version === model.previous) ? button("retry", t("Back to {previous}", { previous: model.previous }), () => rollBack(model)) : null;
  return h("div", { class: "row" }, one.role === "shadow" ? button("power", t("Look on no more"), () => endShadow(model)) : button("eye", t("Let it look on"), () => lookOn(model, one)), button("check", t("Put into use"), () => promote(model, one), one.role === "shadow"));
}

/** The card is asked for when it is opened. */
function card(model, one) {
  const body = h("div", { class: "stack card-body" }, h("div", { class: "skeleton notice" }, "\u00a0"));
  const root = h("details", {}, h("summary", {}, t("Card of version {version}", { version: one.version })), body);
  root.addEventListener("toggle", async () => {
    if (!root.open || root.dataset.asked) return;
    root.dataset.asked = "yes";
    try {
      fill(body, ...cardBlocks((await get(`/models/${part(model.name)}/versions/${part(one.version)}`)).card));
    } catch (error) {
      delete root.dataset.asked;
      fill(body, h("p", { class: "muted" }, error.message));
    }
  });
  return root;
}

function version(model, one) {
  const [tone, symbol, word] = ROLES[one.role] ?? [];
  const measured = Object.entries(one.accuracy).map(([set, value]) => `${set} ${value <= 1 ? percent(value) : value}`).join(", ");
  return h("li", { class: "version", data: { version: one.version } },
    h("div", { class: "said" },
      h("div", { class: "row" }, h("h3", {}, t("Version {version}", { version: one.version })), word ? h("span", { class: `chip ${tone}` }, icon(symbol, true), one.role === "shadow" ? t("{word}, 1 frame in {count}", { word, count: model.shadow_every }) : word) : null, one.builtin ? h("span", { class: "chip" }, t("Comes with panops")) : null),
      one.problem ? h("p", { class: "notice alarm" }, icon("alarm"), h("span", {}, sentence(one.problem))) : h("p", { class: "muted" }, [one.classes.join(", "), measured, one.licence].filter(Boolean).join(" · "))),
    buttons(model, one), one.problem ? null : card(model, one));
}

const CHANGES = { add: t("added"), promote: t("put into use"), rollback: t("put back into use"), shadow: t("let look on"), "shadow off": t("let look on no more"), remove: t("removed") };

function history(model) {
  if (!model.history.length) return null;
  return h("details", {}, h("summary", {}, t("What was decided")), h("ul", { class: "changes" }, model.history.slice(0, SHOWN_CHANGES).map((one) =>
    h("li", {}, h("span", { class: "said" }, h("b", {}, t("Version {version}", { version: one.after || one.before })), ` ${CHANGES[one.what] ?? one.what}${one.why ? `: ${one.why}` : ""}`, h("small", {}, `${short(one.at_s)}, ${one.who}`))))));
}

function shown(model) {
  const pairs = model.comparisons;
  return h("section", { class: "card pad model-sheet", data: { model: model.name }, "aria-label": model.name },
    h("div", { class: "row" }, h("h2", {}, model.name), h("span", { class: "muted" }, plural(model.versions.length, "version"))),
    model.problem ? h("p", { class: "notice alarm" }, icon("alarm"), h("span", {}, sentence(model.problem))) : null,
    h("ul", { class: "versions" }, model.versions.map((one) => version(model, one))),
    pairs.length ? comparison(pairs[0], cameras) : model.versions.length > 1 ? h("p", { class: "muted" }, t("Nothing was compared yet: let a version look on while cameras run, and see here how far it agrees with the one in use.")) : null,
    pairs.length > 1 ? h("details", {}, h("summary", {}, t("Earlier comparisons ({count})", { count: pairs.length - 1 })), h("div", { class: "stack" }, pairs.slice(1).map((pair) => comparison(pair, cameras)))) : null,
    history(model));
}

async function detail(name) {
  let etag = "*";
  const found = await get(`/models/${part(name)}`, { onHeaders: (headers) => { etag = headers.get("ETag") ?? "*"; } });
  return { ...found, etag };
}

async function refresh() {
  try {
    const [{ models, note }, all] = await Promise.all([get("/models"), get("/cameras")]);
    cameras.clear();
    for (const camera of all.cameras) cameras.set(camera.id, camera.name);
    const here = models.filter((model) => model.state === "installed" && model.version);
    const details = await Promise.all(here.map((model) => detail(model.name)));
    details.sort((a, b) => b.versions.length - a.versions.length || a.name.localeCompare(b.name));
    fill(byId("note"), note ? sentence(note) : "");
    fill(byId("models"), details.length ? details.map(shown) : [empty("chip", t("No model is installed"), t("Add one on the machine itself with panops models add NAME, or train your own. Until then cameras see movement only."))]);
  } catch (error) {
    fill(byId("models"), empty("alarm", t("The models could not be read"), error.message, [], true));
  }
}

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", t("This page is for operators"), t("It shows which detectors there are and how they do. Ask an administrator to change your role."), [h("a", { class: "button", href: "/" }, icon("live"), t("Live wall"))]));
} else {
  fill(byId("models"), h("div", { class: "skeleton notice" }, "\u00a0"));
  await refresh();
  let seen = false;
  live.on("up", () => {
    if (seen) refresh(); // after a break only: what was missed
    seen = true;
  });
}
