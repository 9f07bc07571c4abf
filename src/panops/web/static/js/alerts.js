// Who is told of events, how that goes, and what was delivered.

import { api, get, part, query } from "./api.js";
import { byId, empty, fill, h, icon } from "./dom.js";
import { start, toast } from "./shell.js";
import { ago, short } from "./time.js";
import { plain, plural, sentence } from "./words.js";

const EVERY_MS = 5000;
const PAGE = 50;
const KINDS = { webhook: "Webhook", email: "Mail", mqtt: "MQTT", file: "File", apprise: "Apprise" };
const MOMENTS = { begin: "Began", clip: "Clip", end: "Over" };
const STATES = { waiting: ["amber", "clock", "Waiting"], sent: ["green", "check", "Sent"], skipped: ["grey", "info", "Not sent"], dead: ["red", "alarm", "Given up"] };
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
  const [tone, symbol, word] = !sink.enabled ? ["grey", "power", "Switched off"] : sink.problem ? ["red", "alarm", "Not reached"] : sink.waiting ? ["amber", "clock", "Sending"] : ["green", "ok", "Fine"];
  const count = (number, text) => h("span", {}, h("b", {}, String(number)), ` ${text}`);
  const said = sink.problem ? `${sentence(sink.problem)}${sink.problem_since_s ? ` Since ${short(sink.problem_since_s)}.` : ""}` : sink.last_sent_s ? `Last sent ${ago(sink.last_sent_s)}.` : "Nothing sent since the start.";
  return h("div", { class: "model sink", data: { sink: sink.id } },
    h("div", { class: "sink-head" }, h("strong", { class: "ellipsis" }, sink.id), h("span", { class: "muted" }, KINDS[sink.kind] ?? plain(sink.kind)), h("span", { class: `chip ${tone}` }, icon(symbol, true), word)),
    h("div", { class: "counts" }, count(sink.sent, "sent"), count(sink.waiting, "waiting"), count(sink.dead, "given up")),
    h("p", { class: "note" }, said),
    can("admin") ? h("div", { class: "row" }, h("button", { class: "button", type: "button", disabled: testing.has(sink.id), onclick: (pressed) => test(sink, pressed.currentTarget) }, icon("send"), "Send a test")) : null);
}

async function test(sink, button) {
  testing.add(sink.id);
  const held = document.activeElement === button;
  button.disabled = true;
  try {
    const { delivered, answer } = await api("POST", `/alerts/${part(sink.id)}/test`);
    toast(delivered ? `${sink.id} has the test: ${answer}` : `${sink.id} does not have the test: ${answer}`, delivered ? "green" : "red");
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
  const again = delivery.state === "dead" ? h("button", { class: "button", type: "button", onclick: () => sendAgain(delivery) }, icon("retry"), "Send again") : null;
  return h("tr", { data: { delivery: delivery.id } },
    h("td", {}, short(delivery.closed_at_s ?? delivery.created_at_s)), h("td", {}, delivery.sink_id),
    h("td", {}, h("a", { class: "ellipsis", href: `/events/${part(delivery.event_id)}` }, delivery.event_id)), h("td", {}, MOMENTS[delivery.moment] ?? plain(delivery.moment)),
    h("td", {}, h("span", { class: `chip ${tone}` }, icon(symbol, true), word)), h("td", { class: "number" }, String(delivery.attempts)), h("td", { class: "answer" }, delivery.answer ? sentence(delivery.answer) : ""), h("td", {}, again));
}

async function sendAgain(delivery) {
  try {
    await api("POST", `/alerts/deliveries/${delivery.id}/send-again`);
    toast("It is sent again");
    await refresh();
  } catch (error) {
    toast(`Not sent: ${error.message}`, "red");
  }
}

async function refresh() {
  if (document.hidden) return;
  const wanted = byId("which").value;
  try {
    const [{ sinks }, log] = await Promise.all([get("/alerts"), get(`/alerts/deliveries${query({ sink: wanted, limit: shown })}`)]);
    const names = sinks.map((sink) => sink.id);
    if (names.join() !== [...byId("which").options].slice(1).map((option) => option.value).join()) {
      fill(byId("which"), h("option", { value: "" }, "Everybody"), names.map((name) => h("option", { value: name, selected: name === wanted }, name)));
    }
    repaint(byId("sinks"), "sink", sinks.length ? sinks.map(card) : [nobody()]);
    repaint(byId("log"), "delivery", log.deliveries.length ? log.deliveries.map(row) : [h("tr", {}, h("td", { colspan: 8, class: "muted" }, "Nothing yet."))]);
    byId("more").hidden = log.next_before === null || shown >= 500;
    byId("log-title").title = `The newest ${plural(log.deliveries.length, "delivery")}`;
  } catch {
    // The connection pill tells it; the next round tries again.
  }
}

const nobody = () => h("div", { class: "notice" }, icon("info"), h("span", {}, "Nobody is told of events yet. Name whom to tell under ", h("code", {}, "alerts"), " in the site file: a webhook, a mail address, an MQTT broker. The file's description is in docs/alerts.md."));

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", "This page is for operators", "It shows who is told of events. Ask an administrator to change your role.", [h("a", { class: "button", href: "/" }, icon("live"), "Live wall")]));
} else {
  byId("which").addEventListener("change", () => { shown = PAGE; refresh(); });
  byId("older").addEventListener("click", () => { shown = Math.min(500, shown + 2 * PAGE); refresh(); });
  fill(byId("sinks"), h("div", { class: "skeleton notice" }, "\u00a0"));
  await refresh();
  setInterval(refresh, EVERY_MS);
  live.on("event", refresh).on("up", refresh);
}
