// One's own account: password, second factor, sign-ins, tokens.

import { api, get, part } from "./api.js";
import { ask, complain, field, newToken, ROLE_WORDS, seen, show, tokens } from "./access.js";
import { byId, facts, fill, h, icon } from "./dom.js";
import { language, languages, n, nameOf, speak, t } from "./messages.js";
import { confirm, leave, start, toast } from "./shell.js";
import { ago, short } from "./time.js";

const SVG = "http://www.w3.org/2000/svg";
const { user, live } = await start();
let account = null;

const password = () => h("input", { class: "input", type: "password", autocomplete: "current-password" });
const codes = (list) => h("ul", { class: "codes", id: "codes" }, list.map((code) => h("li", {}, code)));
const showCodes = (list) => show(t("Recovery codes"), t("Each lets you in once when the app is not at hand. Print them or keep them in a password store: they are shown this once."), codes(list));

function qr({ qr_path: path, qr_modules: size }) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["viewBox", `0 0 ${size} ${size}`], ["class", "qr"], ["role", "img"], ["aria-label", t("QR code for the authenticator app")], ["shape-rendering", "crispEdges"]]) svg.setAttribute(name, value);
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
}

/** Asks for the password, as an open page alone must not be enough; then `act(password)`. */
const again = (title, word, act) => ask(title, word, [field("password", t("Your password"), password())], (form) => act(form.elements.password.value));

function me() {
  const elsewhere = { oidc: t("At a sign-in provider"), proxy: t("By a proxy that knows you") }[account.origin];
  fill(byId("me"), facts([[t("Name"), user.username], [t("Role"), ROLE_WORDS[user.role]], [t("Sees"), seen(account.user)], [t("Signs in"), elsewhere ?? t("With a password here")]]),
    languages.length > 1 ? speech() : null,
    elsewhere ? null : h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: async () => (await import("./password.js")).changePassword() }, icon("lock"), t("Change password"))));
}

/** The language of this browser's pages; each by its own name, for whoever cannot read the one that is set. */
function speech() {
  const choice = h("select", { class: "select", id: "language", onchange: ({ target }) => speak(target.value) }, languages.map((code) => h("option", { value: code, lang: code, selected: code === language }, nameOf(code))));
  return h("div", { class: "field narrow" }, h("label", { for: "language" }, t("Language of this browser's pages")), h("span", { class: "picker" }, choice));
}

function factor() {
  const has = account.second_factor;
  const needed = account.second_factor_required;
  if (account.origin !== "local") return fill(byId("factor"), h("p", { class: "muted" }, t("You sign in elsewhere, so your second factor is there, too.")));
  if (has) {
    return fill(byId("factor"), h("p", {}, h("span", { class: "chip green" }, icon("ok", true), t("On")), ` ${t("Since {when}.", { when: short(has.since_s) })} ${n("{count} recovery code left.", "{count} recovery codes left.", has.codes_left)}`),
      h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: renew }, icon("retry"), t("New recovery codes")),
        needed ? null : h("button", { class: "button", type: "button", onclick: remove }, icon("trash"), t("Take it away"))));
  }
  return fill(byId("factor"), needed ? h("div", { class: "notice warning" }, icon("warning"), h("span", {}, t("This site requires a second factor of you. Set one up to go on."))) : h("p", { class: "muted" }, t("A code from an app on your phone, asked for after the password. Whoever learns the password alone stays out.")),
    h("div", { class: "row" }, h("button", { class: "button primary", type: "button", id: "enrol", onclick: enrol }, icon("lock"), t("Set it up"))));
}

function enrol() {
  again(t("Set up a second factor"), t("Go on"), async (secret) => {
    const found = await api("POST", "/account/second-factor", { password: secret });
    const wrong = h("div", { class: "notice alarm", role: "alert", hidden: true });
    const form = h("form", { class: "stack narrow", novalidate: true },
      h("p", {}, t("1. Scan this with an authenticator app, or type the secret into it.")), h("div", { class: "secret-text", id: "totp-secret" }, found.secret),
      h("p", {}, t("2. Type the code that the app shows.")),
      field("code", t("Code"), h("input", { class: "input code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 10 })), wrong,
      h("div", { class: "row" }, h("button", { class: "button primary" }, icon("check"), t("Confirm"))));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const { recovery_codes: list } = await api("POST", "/account/second-factor/confirm", { code: form.elements.code.value });
        await refresh();
        showCodes(list);
      } catch (error) {
        complain(form, wrong, error);
      }
    });
    fill(byId("factor"), h("div", { class: "enrol" }, qr(found), form));
    form.elements.code.focus();
  });
}

const renew = () => again(t("New recovery codes"), t("Make them"), async (secret) => {
  const { recovery_codes: list } = await api("POST", "/account/recovery-codes", { password: secret });
  await refresh();
  showCodes(list);
});

const remove = () => again(t("Take the second factor away"), t("Take it away"), async (secret) => {
  await api("POST", "/account/second-factor/remove", { password: secret });
  toast(t("The second factor is gone"));
  await refresh();
});

/** A browser and its system, of what it calls itself; the whole where neither is known. */
function browserOf(agent) {
  const found = /(Firefox|Edg|OPR|Chrome|Version)\/(\d+)/.exec(agent.replace(/Chrome(?=.*(?:Edg|OPR)\/)/, ""));
  const name = { Edg: "Edge", OPR: "Opera", Version: "Safari" };
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"].find((word) => agent.includes(word));
  return found ? `${name[found[1]] ?? found[1]} ${found[2]}${system ? `, ${system}` : ""}` : agent.slice(0, 60) || "–";
}

function session(one) {
  const end = async () => {
    try {
      await api("DELETE", `/sessions/${part(one.id)}`);
      await refresh();
    } catch (error) {
      toast(error.message, "red");
    }
  };
  return h("tr", {}, h("td", {}, short(one.created_at_s)), h("td", {}, one.current ? h("span", { class: "chip green" }, icon("ok", true), t("This one")) : ago(one.seen_at_s)), h("td", {}, one.address || "–"), h("td", { class: "many" }, browserOf(one.agent)),
    h("td", {}, one.current ? null : h("button", { class: "button", type: "button", onclick: end }, icon("exit"), t("End [verb]"))));
}

async function refresh() {
  account = await get("/account");
  me();
  factor();
  if (!live) return; // only the second factor may be asked about yet
  fill(byId("sessions"), (await get("/sessions")).sessions.map(session));
  await tokens(byId("tokens"), "/account/tokens", refresh);
}

byId("everywhere").addEventListener("click", async () => {
  if (!(await confirm(t("Sign out everywhere?"), t("Every browser where you are signed in has to sign in again, this one too. Your own tokens end."), t("Sign out")))) return;
  await leave("/sessions");
});
byId("add-token").addEventListener("click", () => newToken("/account/tokens", user.role, refresh, account.origin === "local"));
if (!live) for (const id of ["sessions", "tokens"]) byId(id).closest("section").hidden = true;
try {
  await refresh();
} catch (error) {
  toast(error.message, "red");
}
// Once a second factor is there, everything may be asked: begin anew.
if (!live) new MutationObserver(() => { if (account.second_factor && !document.querySelector("dialog")) location.replace("/"); }).observe(document.body, { childList: true });
