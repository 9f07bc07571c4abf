// What the pages of accounts share: dialogs with a form, who sees what, tokens.

import { api, get, part } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { confirm, toast } from "./shell.js";
import { plain } from "./things.js";
import { ago, short } from "./time.js";

const DAY_S = 86400;
export const ROLES = ["viewer", "operator", "admin"];
export const ROLE_WORDS = { viewer: t("Viewer"), operator: t("Operator"), admin: t("Administrator") };

/** A labelled input or select. */
export function field(name, label, control, hint = "") {
  control.id = `field-${name}`;
  control.name = name;
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control.tagName === "SELECT" ? h("span", { class: "picker" }, control) : control,
    hint ? h("p", { class: "hint" }, hint) : null);
}

/** A select of `[[value, word], ...]`. */
export const choice = (options, value) => h("select", { class: "select" }, options.map(([key, word]) => h("option", { value: key, selected: key === value }, word)));

/** A dialog with a form; `save(form)` sends it and may throw. Stays open with the faults at their fields until it succeeds. */
export function ask(title, word, children, save, extra = null) {
  const wrong = h("div", { class: "notice alarm", role: "alert", hidden: true });
  const close = () => { dialog.close(); dialog.remove(); };
  const button = h("button", { class: "button primary" }, word);
  const form = h("form", { method: "dialog", novalidate: true }, h("h2", {}, title), children, wrong,
    h("div", { class: "row end" }, extra, h("button", { class: "button", type: "button", onclick: close }, t("Cancel")), button));
  const dialog = h("dialog", { class: "dialog wide-dialog", "aria-label": title, oncancel: close }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await save(form);
      close();
    } catch (error) {
      complain(form, wrong, error);
    }
    button.disabled = false;
  });
  document.body.append(dialog);
  dialog.showModal();
  return close;
}

/** Says each fault at its field, and what has none above the buttons. */
export function complain(form, wrong, error) {
  for (const node of form.querySelectorAll(".problem")) node.remove();
  const left = (error.fields ?? []).filter(({ field: name, message }) => {
    const control = form.elements[name];
    control?.closest?.(".field")?.append(h("p", { class: "problem", role: "alert" }, icon("alarm", true), message));
    return !control?.closest;
  });
  const told = (error.fields ?? []).length > left.length;
  wrong.hidden = told;
  fill(wrong, icon("alarm"), h("span", {}, left[0]?.message ?? error.message));
}

/** A role and what of the cameras: every one, or those of some groups and some by name. `read()` gives the API's fields. */
export function rights(now, highest, groups, cameras) {
  const role = choice(ROLES.slice(0, ROLES.indexOf(highest) + 1).map((name) => [name, ROLE_WORDS[name]]), now.role);
  const limited = choice([["all", t("Every camera, also those added later")], ["some", t("Only what is chosen here")]], now.cameras || now.groups ? "some" : "all");
  const tick = (kind, value, word, on) => h("label", { class: "tick" }, h("input", { type: "checkbox", data: { kind }, value, checked: on }), h("span", {}, word));
  const gone = (known, chosen) => (chosen ?? []).filter((name) => !known.includes(name));
  const groupNames = groups.map((group) => group.name);
  const ids = cameras.map((camera) => camera.id);
  const ticks = (title, children) => (children.length ? h("fieldset", {}, h("span", { class: "label" }, title), h("div", { class: "ticks", role: "group", "aria-label": title }, children)) : null);
  const some = h("div", { class: "stack" },
    ticks(t("Groups"), [...groupNames, ...gone(groupNames, now.groups)].map((name) => tick("groups", name, name, now.groups?.includes(name)))),
    ticks(t("Cameras"), [...cameras.map((camera) => [camera.id, camera.name || camera.id]), ...gone(ids, now.cameras).map((id) => [id, t("{id} (gone)", { id })])].map(([id, word]) => tick("cameras", id, word, now.cameras?.includes(id)))));
  const sees = field("sees", t("Sees"), limited);
  const paint = () => {
    sees.hidden = role.value === "admin";
    some.hidden = role.value === "admin" || limited.value === "all";
  };
  role.addEventListener("change", paint);
  limited.addEventListener("change", paint);
  paint();
  const picked = (kind) => {
    const names = [...some.querySelectorAll(`[data-kind=${kind}]:checked`)].map((box) => box.value);
    return some.hidden || (kind === "groups" && !names.length) ? null : names;
  };
  return { nodes: [field("role", t("Role"), role), sees, some], read: () => ({ role: role.value, cameras: picked("cameras"), groups: picked("groups") }) };
}

/** Who sees what, in words. */
export function seen({ cameras, groups }) {
  if (!cameras && !groups) return t("Every camera");
  return [...(groups ?? []).map((name) => t("group {name}", { name })), ...(cameras ?? [])].join(", ") || t("Nothing");
}

/** One token of a list. */
function row(token, path, refresh) {
  const over = token.expires_at_s !== null && token.expires_at_s * 1000 < Date.now();
  const end = async () => {
    if (!(await confirm(t("End this token?"), t("Programs that use {name} are refused from then on.", { name: token.name }), t("End it")))) return;
    try {
      await api("DELETE", `${path}/${token.name.split("/").map(part).join("/")}`);
      toast(t("{name} is ended", { name: token.name }));
    } catch (error) {
      toast(error.message, "red");
    }
    refresh();
  };
  return h("tr", { data: { token: token.name } }, h("td", {}, h("strong", {}, token.name)), h("td", {}, ROLE_WORDS[token.role] ?? plain(token.role)), h("td", { class: "many" }, seen(token)),
    h("td", {}, token.used_at_s ? ago(token.used_at_s) : t("Never")), h("td", {}, over ? h("span", { class: "chip red" }, icon("clock", true), t("Over [token]")) : token.expires_at_s ? short(token.expires_at_s) : t("When ended")),
    h("td", {}, h("button", { class: "button", type: "button", onclick: end }, icon("trash"), t("End [verb]"))));
}

/** A table of tokens and its button for a new one; `path` is the API's. */
export async function tokens(body, path, refresh) {
  const found = (await get(path)).tokens;
  fill(body, found.length ? found.map((token) => row(token, path, refresh)) : h("tr", {}, h("td", { colspan: 6, class: "muted" }, t("None yet."))));
}

/** The dialog that makes a token and then shows its secret, once; `again`: it asks for the password, as an open page alone must not be enough. */
export async function newToken(path, highest, refresh, again = false) {
  const [{ groups }, { cameras }] = await Promise.all([get("/groups"), get("/cameras")]);
  const who = rights({ role: "viewer", cameras: null, groups: null }, highest, groups, cameras);
  const lasts = choice([["30", t("30 days")], ["90", t("90 days")], ["365", t("One year")], ["", t("Until it is ended")]], "365");
  const proof = again ? field("password", t("Your password"), h("input", { class: "input", type: "password", autocomplete: "current-password" })) : null;
  ask(t("New token"), t("Make it"), [field("name", t("Name"), h("input", { class: "input", autocomplete: "off", maxlength: 64 }), t("What it is for: home-assistant, grafana.")), ...who.nodes, field("lasts", t("Lasts"), lasts), proof], async (form) => {
    const until = lasts.value ? Math.floor(Date.now() / 1000) + Number(lasts.value) * DAY_S : null;
    const made = await api("POST", path, { name: form.elements.name.value.trim(), ...who.read(), expires_at_s: until, ...(again ? { password: form.elements.password.value } : {}) });
    refresh();
    show(t("The token {name}", { name: made.name }), t("It is shown this once. Programs send it as “Authorization: Bearer …”."), h("div", { class: "secret-text", id: "secret" }, made.secret));
  });
}

/** Something that is shown once. */
export function show(title, text, node) {
  const close = () => { dialog.close(); dialog.remove(); };
  const dialog = h("dialog", { class: "dialog wide-dialog", "aria-label": title, oncancel: close },
    h("div", { class: "stack" }, h("h2", {}, title), h("p", { class: "muted" }, text), node, h("div", { class: "row end" }, h("button", { class: "button primary", type: "button", onclick: close }, t("I have it")))));
  document.body.append(dialog);
  setTimeout(() => dialog.showModal()); // once the dialog that asked is closed, so that the focus goes back to where that one came from
}
