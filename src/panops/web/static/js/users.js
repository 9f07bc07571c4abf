// People, groups of cameras and tokens, for administrators.

import { api, get, part } from "./api.js";
import { ask, field, newToken, rights, ROLE_WORDS, seen, tokens } from "./access.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { n, t } from "./messages.js";
import { confirm, start, toast } from "./shell.js";
import { plain } from "./things.js";

const SIGNS_IN = { local: t("Here"), oidc: t("At the provider"), proxy: t("By the proxy") };
const { user: own, can } = await start();
let [groups, cameras] = [[], []];

const nameOf = (id) => cameras.find((camera) => camera.id === id)?.name || id;

/** Does something and says what came of it. */
async function attempt(act, said) {
  try {
    await act();
    toast(said);
  } catch (error) {
    toast(error.message, "red");
  }
  await refresh();
}

function person(user) {
  return h("tr", { data: { user: user.username } }, h("td", {}, h("strong", {}, user.username)), h("td", {}, ROLE_WORDS[user.role] ?? plain(user.role)), h("td", { class: "many" }, seen(user)),
    h("td", {}, user.origin !== "local" ? t("Elsewhere") : h("span", { class: user.second_factor ? "chip green" : "chip" }, icon(user.second_factor ? "ok" : "unplug", true), user.second_factor ? t("On") : t("Off"))),
    h("td", {}, SIGNS_IN[user.origin] ?? plain(user.origin)), h("td", {}, h("button", { class: "button", type: "button", onclick: () => edit(user) }, icon("edit"), t("Change"))));
}

const secret = () => h("input", { class: "input", type: "password", autocomplete: "new-password" });

function add() {
  const who = rights({ role: "viewer", cameras: null, groups: null }, "admin", groups, cameras);
  ask(t("Add somebody"), t("Add"), [field("username", t("User name"), h("input", { class: "input", autocomplete: "off", autocapitalize: "none", spellcheck: "false" })),
    field("password", t("First password"), secret(), t("At least 8 characters; several words that do not belong together are best. Ask them to change it.")), ...who.nodes], async (form) => {
    await api("POST", "/users", { username: form.elements.username.value.trim(), password: form.elements.password.value, ...who.read() });
    toast(t("{username} can sign in", { username: form.elements.username.value.trim() }));
    await refresh();
  });
}

function edit(user) {
  const who = rights(user, "admin", groups, cameras);
  const local = user.origin === "local";
  const path = `/users/${part(user.username)}`;
  const act = (symbol, word, question, text, method, tail, said) => h("button", {
    class: "button", type: "button", onclick: async () => {
      close();
      if (await confirm(question, text, word)) await attempt(() => api(method, `${path}${tail}`), said);
    },
  }, icon(symbol), word);
  const more = h("div", { class: "row" },
    act("exit", t("Sign out"), t("Sign {username} out everywhere?", { username: user.username }), t("Every browser has to sign in again. Tokens stay."), "DELETE", "/sessions", t("{username} is signed out", { username: user.username })),
    user.second_factor ? act("unplug", t("Reset second factor"), t("Reset the second factor of {username}?", { username: user.username }), t("Do it when phone and recovery codes are lost, and only when you know who asks. They are signed out."), "DELETE", "/second-factor", t("The second factor is reset")) : null,
    user.username === own.username ? null : act("trash", t("Remove"), t("Remove {username}?", { username: user.username }), t("They are signed out at once, and their own tokens end. What they did stays in the audit log."), "DELETE", "", t("{username} is removed", { username: user.username })));
  const close = ask(user.username, t("Save"), [...who.nodes, local ? field("password", t("New password"), secret(), t("Left empty, the password stays. A new one signs them out.")) : h("p", { class: "muted" }, t("Role and groups are set anew by whoever vouches for them, each time they sign in.")), more], async (form) => {
    const typed = local ? form.elements.password.value : "";
    await api("PATCH", path, { ...who.read(), ...(typed ? { password: typed } : {}) });
    toast(t("{username} is changed", { username: user.username }));
    await refresh();
  });
}

function groupCard(group) {
  return h("div", { class: "model group", data: { group: group.name } }, h("strong", {}, group.name), h("p", {}, group.cameras.map(nameOf).join(", ") || t("No camera yet.")),
    h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => editGroup(group) }, icon("edit"), t("Change")),
      h("button", { class: "button", type: "button", onclick: () => removeGroup(group) }, icon("trash"), t("Remove"))));
}

async function removeGroup({ name }) {
  if (await confirm(t("Remove the group {name}?", { name }), t("Whoever is limited to it sees nothing through it any more. Its cameras stay."), t("Remove"))) await attempt(() => api("DELETE", `/groups/${part(name)}`), t("The group is removed"));
}

function editGroup(group = null) {
  const ticks = h("div", { class: "ticks", role: "group", "aria-label": t("Cameras") }, cameras.map((camera) => h("label", { class: "tick" }, h("input", { type: "checkbox", value: camera.id, checked: group?.cameras.includes(camera.id) ?? false }), h("span", {}, camera.name || camera.id))));
  const name = h("input", { class: "input", autocomplete: "off", maxlength: 63, value: group?.name ?? "", disabled: group !== null });
  ask(group ? t("Group {name}", { name: group.name }) : t("New group"), t("Save"), [field("name", t("Name"), name, group ? "" : t("Letters, digits, - and _: north, car-park.")), h("fieldset", {}, h("span", { class: "label" }, t("Cameras")), ticks)], async () => {
    const chosen = [...ticks.querySelectorAll(":checked")].map((box) => box.value);
    await api("PUT", `/groups/${part(name.value.trim())}`, { cameras: chosen }, group ? {} : { headers: { "If-None-Match": "*" } });
    toast(n("The group has {count} camera", "The group has {count} cameras", chosen.length));
    await refresh();
  });
}

async function refresh() {
  const [found, grouped, seenCameras] = await Promise.all([get("/users"), get("/groups"), get("/cameras")]);
  [groups, cameras] = [grouped.groups, seenCameras.cameras];
  fill(byId("users"), found.users.map(person));
  fill(byId("groups"), groups.length ? groups.map(groupCard) : h("p", { class: "muted" }, t("No group yet.")));
  await tokens(byId("tokens"), "/tokens", refresh);
}

if (!can("admin")) {
  fill(byId("sheet"), empty("lock", t("This page is for administrators"), t("It shows who may sign in and what they may see."), [h("a", { class: "button", href: "/account" }, icon("user"), t("Your account"))]));
} else {
  byId("add-user").addEventListener("click", add);
  byId("add-group").addEventListener("click", () => editGroup());
  byId("add-token").addEventListener("click", () => newToken("/tokens", "admin", refresh));
  try {
    await refresh();
  } catch (error) {
    toast(error.message, "red");
  }
}
