// What every signed-in page shares: session, live connection, navigation, notices, toasts, account menu.

import { get, signOut, toLogin, toSetup } from "./api.js";
import { byId, fill, h, icon, memory } from "./dom.js";
import { Live } from "./live.js";
import { t } from "./messages.js";
import { plain } from "./things.js";
import { setTimezone } from "./time.js";
import { sentence } from "./words.js";

const LEVELS = { viewer: 0, operator: 1, admin: 2 };
const ROLES = { viewer: t("Viewer"), operator: t("Operator"), admin: t("Administrator") };

/** Makes the page ready. Answers `{user, can(role), site, live}`; leaves for the sign-in or first-run page where there is no session. */
export async function start() {
  // The one question that a stranger may ask too: nothing that a page asks afterwards is refused.
  const { needed, user, second_factor_missing: limited } = await get("/setup");
  if (!user) {
    if (needed) toSetup();
    else toLogin();
    return new Promise(() => {}); // the page is being left: nothing after this should run
  }
  if (limited && location.pathname !== "/account") {
    location.replace("/account"); // nothing else is answered before there is a second factor
    return new Promise(() => {});
  }
  const site = limited ? { notices: [], timezone: Intl.DateTimeFormat().resolvedOptions().timeZone } : await get("/site");
  setTimezone(site.timezone);
  const can = (role) => LEVELS[user.role] >= LEVELS[role];
  document.documentElement.dataset.role = user.role;
  for (const node of document.querySelectorAll("[data-least]")) node.hidden = !can(node.dataset.least);
  fill(byId("who"), h("strong", { class: "ellipsis" }, user.username), h("span", { class: "muted" }, ROLES[user.role] ?? plain(user.role)));
  account();
  if (limited) {
    byId("connection").hidden = true;
    return { user, can, site, live: null };
  }
  const live = new Live();
  connection(live);
  notices(site.notices ?? [], live);
  badge(live);
  return { user, can, site, live };
}

/** A short message at the bottom; `action` is `[word, function]`. Alarming ones stay longer. */
export function toast(text, tone = "green", action = null) {
  const shelf = byId("toasts");
  const button = action && h("button", { class: "button plain", onclick: () => { node.remove(); action[1](); } }, action[0]);
  const node = h("div", { class: `toast ${tone}` }, icon(tone === "red" ? "alarm" : "ok"), h("span", {}, text), button);
  while (shelf.childElementCount > 2) shelf.firstChild.remove();
  shelf.append(node);
  setTimeout(() => node.remove(), tone === "red" || action ? 9000 : 4000);
}

/** Says something to screen readers without showing it. */
export function announce(text) {
  byId("announce").textContent = text;
}

/** Asks before something that cannot be undone, or `harmless` but for many; resolves true for yes. `more` stands below the text. */
export function confirm(title, text, word, { symbol = "trash", harmless = false, more = null } = {}) {
  return new Promise((answer) => {
    const done = (yes) => {
      dialog.close();
      dialog.remove();
      answer(yes);
    };
    const dialog = h("dialog", { class: "dialog", "aria-label": title, oncancel: () => done(false) },
      h("div", { class: "stack" }, h("h2", {}, title), h("p", { class: "muted" }, text), more,
        h("div", { class: "row end" },
          h("button", { class: "button", onclick: () => done(false), autofocus: true }, t("Cancel")),
          h("button", { class: harmless ? "button primary" : "button danger", onclick: () => done(true) }, icon(symbol), word))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Signs out here, or everywhere by `/sessions`. */
export async function leave(path) {
  try {
    await signOut(path);
  } catch (error) {
    toast(t("Not signed out: {reason}", { reason: error.message }), "red");
  }
}

function account() {
  const root = document.documentElement;
  const label = byId("theme-word");
  const paint = () => { label.textContent = root.dataset.theme === "light" ? t("Dark theme") : t("Light theme"); };
  paint();
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    memory.set("theme", root.dataset.theme);
    paint();
  });
  byId("sign-out").addEventListener("click", () => leave());
  byId("change-password").addEventListener("click", async () => {
    byId("account").hidePopover();
    (await import("./password.js")).changePassword();
  });
}

function connection(live) {
  const pill = byId("connection");
  const show = (tone, symbol, text) => {
    pill.className = `chip ${tone}`;
    fill(pill, icon(symbol, true), h("span", {}, text));
  };
  live.on("up", () => show("green", "ok", t("Connected")));
  live.on("down", ({ refused, delay }) => {
    show("red", "unplug", refused ? t("Refused: open panops by its own address") : delay > 3000 ? t("Connection lost, trying again") : t("Reconnecting"));
  });
}

function notices(first, live) {
  const standing = new Map(first.map((notice) => [notice.topic, notice]));
  const shelf = byId("notices");
  const hidden = new Set(); // until the page is left; the system page always shows them
  const show = () => fill(shelf, [...standing.values()].filter((notice) => !hidden.has(notice.message)).map((notice) =>
    h("div", { class: `notice ${notice.level}` }, icon(notice.level === "alarm" ? "alarm" : "warning"), h("span", {}, sentence(notice.message)),
      h("button", { class: "button plain square", "aria-label": t("Hide this notice"), onclick: () => { hidden.add(notice.message); show(); } }, icon("close", true)))));
  show();
  live.on("notice", (message) => {
    const notice = message.notice ?? message;
    if (notice.level === "info") standing.delete(notice.topic);
    else standing.set(notice.topic, notice);
    show();
  });
}

/** The number of events that nobody has reviewed; asked again when something changed, at once but at most every two seconds. */
function badge(live) {
  const node = byId("new-events");
  let timer = 0;
  let askedAt = 0;
  const load = async () => {
    [timer, askedAt] = [0, performance.now()];
    try {
      const { new: fresh, at_least: more } = await get("/events/new"); // counts to a hundred only: a hundred thousand would take long
      node.hidden = !fresh;
      node.textContent = fresh > 99 ? "99+" : String(fresh);
      node.setAttribute("aria-label", more ? t("{count} or more new", { count: fresh }) : t("{count} new", { count: fresh }));
    } catch {
      node.hidden = true; // the connection pill says why
    }
  };
  const soon = () => { timer ||= setTimeout(load, Math.max(100, askedAt + 2000 - performance.now())); };
  load();
  live.on("event", soon).on("up", soon);
}
