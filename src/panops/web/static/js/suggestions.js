// What could be set otherwise so that false alarms do not come: the sentence, the alarms that would go, one click.

import { api, get, part } from "./api.js";
import { marked } from "./aftermath.js";
import { byId, empty, fill, GLANCE, h, icon } from "./dom.js";
import { decimal, n, parts, t } from "./messages.js";
import { start, toast } from "./shell.js";
import { short } from "./time.js";
import { duration, percent } from "./words.js";

const MOST_SHOTS = 12;
const LEVERS = { stay: ["clock", t("Longer stay")], score: ["eye", t("Surer detector")], area: ["zone", t("Area left out")] };
const { can, live } = await start();
let busy = false;

const eventLink = (id, word) => h("a", { href: `/events/${part(id)}` }, word);

/** How near the nearest true alarm is, in the words of the setting. */
function nearness({ change, nearest_value: value }) {
  if (change.lever === "stay") return t("stayed for {time}", { time: duration(value) });
  return change.lever === "score" ? t("had the score {score}", { score: decimal(value, 2) }) : t("stood {share} of the picture away", { share: percent(value) });
}

/** The area that is left out, over a picture that fills its frame. */
function area(polygon) {
  const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
  const node = h("i", {});
  const place = { left: Math.min(...xs), top: Math.min(...ys), width: Math.max(...xs) - Math.min(...xs), height: Math.max(...ys) - Math.min(...ys) };
  for (const [name, share] of Object.entries(place)) node.style[name] = `${share * 100}%`;
  return node;
}

function shots(one) {
  const pictures = new Set(one.pictures);
  const shown = one.goes.slice(0, MOST_SHOTS - (one.goes.length > MOST_SHOTS ? 1 : 0));
  const left = one.goes.length - shown.length;
  return h("ul", { class: one.change.polygon.length ? "shots drawn" : "shots", "aria-label": t("False alarms that would go") },
    shown.map((id) => h("li", {}, h("a", { href: `/events/${part(id)}`, "aria-label": t("Event {id}", { id }) },
      pictures.has(id) ? h("img", { src: `/api/v1/events/${part(id)}/snapshot.jpg?size=${GLANCE}`, alt: "", loading: "lazy", decoding: "async" }) : icon("picture"),
      one.change.polygon.length ? area(one.change.polygon) : null))),
    left ? h("li", { class: "more" }, t("and {count} more", { count: left })) : null);
}

function card(one) {
  const [symbol, word] = LEVERS[one.change.lever];
  const stays = one.stays.slice(0, 5);
  return h("article", { class: "card pad suggestion", data: { suggestion: one.suggestion_id } },
    h("div", { class: "top" },
      h("div", { class: "what" }, h("span", { class: "chip accent" }, icon(symbol, true), word), h("h2", {}, one.words)),
      can("admin") ? h("div", { class: "row" },
        h("button", { class: "button primary", type: "button", onclick: () => apply(one) }, icon("check"), t("Apply")),
        one.dismissed ? h("button", { class: "button", type: "button", onclick: () => dismiss(one, false) }, t("Show again"))
          : h("button", { class: "button", type: "button", onclick: () => dismiss(one, true) }, t("Not now"))) : h("span", { class: "muted" }, t("An administrator can apply it."))),
    shots(one),
    h("p", { class: "tells" },
      h("span", {}, parts("The nearest {alarm} {near}.", { alarm: eventLink(one.nearest, t("true alarm")), near: nearness(one) })),
      stays.length ? h("span", {}, n("This false alarm stays:", "{count} false alarms stay:", one.stays.length), " ",
        stays.flatMap((id, at) => [at ? ", " : "", eventLink(id, String(at + 1))]), one.stays.length > stays.length ? ", …" : ".") : null));
}

/** A setting's value in words. */
const value = (it) => (Array.isArray(it) ? it.join(", ") || t("nothing") : String(it));

function change(one) {
  const { field, rule_id: rule, camera_id: camera, before, after } = one.change;
  return h("li", { data: { applied: one.suggestion_id } },
    h("span", { class: "said" }, h("b", {}, field), ` ${rule ? t("of the rule {rule}", { rule }) : t("of the camera {camera}", { camera })}: ${value(before)} → ${value(after)}`,
      h("small", {}, `${short(one.at_s)}, ${one.user}${one.holds ? "" : `. ${t("It is set otherwise now.")}`}`)),
    one.holds && can("admin") ? h("button", { class: "button", type: "button", onclick: () => takeBack(one) }, icon("retry"), t("Take back")) : null);
}

/** Does one thing at a time, tells what came of it, and shows how it is then. */
async function act(method, path, done, action = null) {
  if (busy) return;
  busy = true;
  try {
    await api(method, path);
    toast(done, "green", action);
  } catch (error) {
    toast(error.message, "red");
  } finally {
    busy = false;
    await refresh();
  }
}

const apply = (one) => act("POST", `/suggestions/${one.suggestion_id}/apply`, t("Applied. Cameras that run follow within seconds."), [t("Take back"), () => takeBack(one)]);
const takeBack = (one) => act("POST", `/suggestions/${one.suggestion_id}/take-back`, t("It is set as it was before."));
const dismiss = (one, away) => act(away ? "POST" : "DELETE", `/suggestions/${one.suggestion_id}/dismiss`, away ? t("Not now. It stays at the end of the page.") : t("It is shown again."));

const nothing = (progress) => empty("lamp", t("Nothing to change"), [
  t("When at least five alarms were marked as false and one as true, panops looks for a setting that would have kept false ones away and no true one. Mark events with T and F on their page."),
  ...progress.map((one) => t("Of the rule {rule}: {marked}.", { rule: one.rule_id, marked: marked(one) }))].join(" "),
  [h("a", { class: "button", href: "/events?status=false_alarm" }, icon("flag"), t("False alarms"))]);

async function refresh() {
  try {
    const { suggestions, applied, progress } = await get("/suggestions");
    const [now, later] = [suggestions.filter((one) => !one.dismissed), suggestions.filter((one) => one.dismissed)];
    fill(byId("suggestions"), now.length ? now.map(card) : [nothing(progress)]);
    byId("aside").hidden = !later.length;
    byId("aside-count").textContent = String(later.length);
    fill(byId("aside-list"), later.map(card));
    byId("applied").hidden = !applied.length;
    fill(byId("changes"), applied.map(change));
  } catch (error) {
    fill(byId("suggestions"), empty("alarm", t("The suggestions could not be read"), error.message, [], true));
  }
}

fill(byId("suggestions"), h("div", { class: "skeleton notice" }, "\u00a0"));
await refresh();
let seen = false;
live.on("up", () => {
  if (seen) refresh(); // after a break only: what was missed
  seen = true;
});
