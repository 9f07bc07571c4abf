// Who is told of events, how that goes, and what was delivered.

import { api, get, part, query } from "./api.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { decimal, n, parts, t } from "./messages.js";
import { start, toast } from "./shell.js";
import { plain } from "./things.js";
import { ago, short } from "./time.js";
import { sentence } from "./words.js";

const EVERY_MS = 5000;
const PAGE = 50;
const KINDS = { webhook: "Webhook", email: t("Mail"), mqtt: "MQTT", file: t("File"), apprise: "Apprise" };
const MOMENTS = { begin: t("Began"), clip: t("Clip"), end: t("Over") };
const STATES = { waiting: ["amber", "clock", t("Waiting")], sent: ["green", "check", t("Sent")], skipped: ["grey", "info", t("Not sent")], dead: ["red", "alarm", t("Given up")] };
const { can, live } = await start();
const testing = new Set();
let shown = PAGE;

/** Replaces the content; who has the focus keeps it, in the card or row of the same number. */
function repaint(node, key, children) {
  const at = node.contains(document.activeElement) ? document.activeElement.closest(`[data-${key}]`)?.dataset[key] : null;
  fill(node, children);
  if (at) [...node.querySelectorAll(`[data-${key}]`)].find((one) => one.dataset[key] === at)?.querySelector("button, a")?.focus();
}

/** One sink: its state in a word, what it has and had to do, what is wrong, a test. */
function card(sink) {
  const [tone, symbol, word] = !sink.enabled ? ["grey", "power", t("Switched off")] : sink.problem ? ["red", "alarm", t("Not reached")] : sink.waiting ? ["amber", "clock", t("Sending")] : ["green", "ok", t("Fine")];
  const count = (number, text) => h("span", {}, h("b", {}, decimal(number)), ` ${text}`);
  const said = sink.problem ? `${sentence(sink.problem)}${sink.problem_since_s ? ` ${t("Since {when}.", { when: short(sink.problem_since_s) })}` : ""}` : sink.last_sent_s ? t("Last sent {when}.", { when: ago(sink.last_sent_s) }) : t("Nothing sent since the start.");
  return h("div", { class: "model sink", data: { sink: sink.id } },
    h("div", { class: "sink-head" }, h("strong", { class: "ellipsis" }, sink.id), h("span", { class: "muted" }, KINDS[sink.kind] ?? plain(sink.kind)), h("span", { class: `chip ${tone}` }, icon(symbol, true), word)),
    h("div", { class: "counts" }, count(sink.sent, t("sent")), count(sink.waiting, t("waiting")), count(sink.dead, t("given up"))),
    h("p", { class: "note" }, said),
    can("admin") ? h("div", { class: "row" }, h("button", { class: "button", type: "button", disabled: testing.has(sink.id), onclick: (pressed) => test(sink, pressed.currentTarget) }, icon("send"), t("Send a test"))) : null);
}

async function test(sink, button) {
  testing.add(sink.id);
  const held = document.activeElement === button;
  button.disabled = true;
  try {
    const { delivered, answer } = await api("POST", `/alerts/${part(sink.id)}/test`);
    toast(delivered ? t("{id} has the test: {answer}", { id: sink.id, answer }) : t("{id} does not have the test: {answer}", { id: sink.id, answer }), delivered ? "green" : "red");
  } catch (error) {
    toast(error.message, "red");
  } finally {
    testing.delete(sink.id);
    await refresh();
    if (held && document.activeElement === document.body) byId("sinks").querySelector(`[data-sink="${CSS.escape(sink.id)}"] button`)?.focus({ preventScroll: true });
  }
}

/** One delivery of the log. */
function row(delivery) {
  const [tone, symbol, word] = STATES[delivery.state] ?? ["grey", "info", plain(delivery.state)];
  const again = delivery.state === "dead" ? h("button", { class: "button", type: "button", onclick: () => sendAgain(delivery) }, icon("retry"), t("Send again")) : null;
  return h("tr", { data: { delivery: delivery.id } },
    h("td", {}, short(delivery.closed_at_s ?? delivery.created_at_s)), h("td", {}, delivery.sink_id),
    h("td", {}, h("a", { class: "ellipsis", href: `/events/${part(delivery.event_id)}` }, delivery.event_id)), h("td", {}, MOMENTS[delivery.moment] ?? plain(delivery.moment)),
    h("td", {}, h("span", { class: `chip ${tone}` }, icon(symbol, true), word)), h("td", { class: "number" }, String(delivery.attempts)), h("td", { class: "answer" }, delivery.answer ? sentence(delivery.answer) : ""), h("td", {}, again));
}

async function sendAgain(delivery) {
  try {
    await api("POST", `/alerts/deliveries/${delivery.id}/send-again`);
    toast(t("It is sent again"));
    await refresh();
  } catch (error) {
    toast(t("Not sent: {reason}", { reason: error.message }), "red");
  }
}

async function refresh() {
  if (document.hidden) return;
  const wanted = byId("which").value;
  try {
    const [{ sinks }, log] = await Promise.all([get("/alerts"), get(`/alerts/deliveries${query({ sink: wanted, limit: shown })}`)]);
    const names = sinks.map((sink) => sink.id);
    if (names.join() !== [...byId("which").options].slice(1).map((option) => option.value).join()) {
      fill(byId("which"), h("option", { value: "" }, t("Everybody")), names.map((name) => h("option", { value: name, selected: name === wanted }, name)));
    }
    repaint(byId("sinks"), "sink", sinks.length ? sinks.map(card) : [nobody()]);
    repaint(byId("log"), "delivery", log.deliveries.length ? log.deliveries.map(row) : [h("tr", {}, h("td", { colspan: 8, class: "muted" }, t("Nothing yet.")))]);
    byId("more").hidden = log.next_before === null || shown >= 500;
    byId("log-title").title = n("The newest delivery", "The newest {count} deliveries", log.deliveries.length);
  } catch {
    // The connection pill tells it; the next round tries again.
  }
}

const nobody = () => h("div", { class: "notice" }, icon("info"), h("span", {}, parts("Nobody is told of events yet. Name whom to tell under {alerts} in the site file: a webhook, a mail address, an MQTT broker. The file's description is in docs/alerts.md.", { alerts: h("code", {}, "alerts") })));

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", t("This page is for operators"), t("It shows who is told of events. Ask an administrator to change your role."), [h("a", { class: "button", href: "/" }, icon("live"), t("Live wall"))]));
} else {
  byId("which").addEventListener("change", () => { shown = PAGE; refresh(); });
  byId("older").addEventListener("click", () => { shown = Math.min(500, shown + 2 * PAGE); refresh(); });
  fill(byId("sinks"), h("div", { class: "skeleton notice" }, "\u00a0"));
  await refresh();
  setInterval(refresh, EVERY_MS);
  live.on("event", refresh).on("up", refresh);
}
