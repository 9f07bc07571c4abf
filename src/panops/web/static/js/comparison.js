// How far a version that looked on agreed with the one in use, and the pictures where it did not.

import { h, icon } from "./dom.js";
import { decimal, n, t } from "./messages.js";
import { plural } from "./things.js";
import { short } from "./time.js";
import { percent, whole } from "./words.js";

const MOST_SHOTS = 12;

const score = (value) => (value === null ? "–" : decimal(value, 2));

function boxes(found, tone) {
  return found.map(({ box: [left, top, right, bottom], class_name: name, score: sure }) => {
    const node = h("i", { class: tone, title: `${name} ${decimal(sure, 2)}` });
    Object.assign(node.style, { left: `${left * 100}%`, top: `${top * 100}%`, width: `${(right - left) * 100}%`, height: `${(bottom - top) * 100}%` });
    return node;
  });
}

function shot(one, names) {
  const said = [one.only_active.length ? t("only in use: {list}", { list: one.only_active.map((box) => box.class_name).join(", ") }) : "", one.only_shadow.length ? t("only looking on: {list}", { list: one.only_shadow.map((box) => box.class_name).join(", ") }) : ""].filter(Boolean).join("; ");
  return h("li", {}, h("figure", {}, h("span", { class: "frame" }, h("img", { src: one.url, alt: said, loading: "lazy", decoding: "async" }),
    boxes(one.both, "both"), boxes(one.only_active, "active"), boxes(one.only_shadow, "shadow")),
  h("figcaption", {}, h("span", { class: "ellipsis" }, names.get(one.camera_id) ?? one.camera_id), h("span", {}, short(one.captured_at_s)))));
}

function rows({ cameras }, names) {
  const number = (text) => h("td", { class: "number" }, text);
  return cameras.flatMap((camera) => camera.classes.map((one) => h("tr", {},
    h("td", {}, names.get(camera.camera_id) ?? camera.camera_id), h("td", {}, one.class_name), number(whole(one.both)), number(whole(one.only_active)), number(whole(one.only_shadow)),
    number(one.agreement === null ? "–" : percent(one.agreement)), number(score(one.active_score)), number(score(one.shadow_score)))));
}

/** What was counted, for people. */
function words({ cameras }) {
  const looks = cameras.reduce((sum, one) => sum + one.looks, 0);
  const seen = cameras.filter((one) => one.looks);
  const mean = (key) => seen.reduce((sum, one) => sum + one[key] * one.looks, 0) / looks;
  const behind = cameras.reduce((sum, one) => sum + one.behind, 0);
  if (!looks) return t("No frame was compared yet.");
  const [begin, end] = [short(Math.min(...seen.map((one) => one.since_s))), short(Math.max(...seen.map((one) => one.until_s)))];
  const told = [t("{frames} of {cameras}, {begin} to {end}; {active} ms a frame in use, {shadow} ms looking on.", { frames: plural(looks, "frame"), cameras: plural(seen.length, "camera"), begin, end, active: decimal(mean("active_ms"), 1), shadow: decimal(mean("shadow_ms"), 1) })];
  if (behind) told.push(n("{count} more frame was left out: there was no time for it.", "{count} more frames were left out: there was no time for them.", behind));
  return told.join(" ");
}

/** One pair of versions; `names` are the cameras' names by id. */
export function comparison(pair, names) {
  const lines = rows(pair, names);
  const problems = [...new Set(pair.cameras.map((camera) => camera.problem).filter(Boolean))];
  return h("section", { class: "stack", data: { pair: `${pair.active}~${pair.shadow}` } },
    h("h4", {}, t("Version {active} in use, version {shadow} looking on", { active: pair.active, shadow: pair.shadow })),
    h("p", { class: "muted" }, words(pair)),
    problems.map((problem) => h("p", { class: "notice warning" }, icon("warning"), h("span", {}, t("The version that looked on was switched off: {problem}", { problem })))),
    lines.length ? h("div", { class: "figures-table", tabindex: 0, role: "region", "aria-label": t("Agreement by camera and class") }, h("table", {},
      h("thead", {}, h("tr", {}, [t("Camera"), t("Class"), t("Both"), t("Only in use"), t("Only looking on"), t("Agree"), t("Score in use"), t("Score looking on")].map((word, at) => h("th", { class: at > 1 ? "number" : null }, word)))),
      h("tbody", {}, lines))) : null,
    pair.pictures.length ? [
      h("p", { class: "legend" }, h("span", { class: "both" }, t("Both")), h("span", { class: "active" }, t("Only the version in use")), h("span", { class: "shadow" }, t("Only the one that looks on"))),
      h("ul", { class: "frames", "aria-label": t("Frames that they saw differently") }, pair.pictures.slice(0, MOST_SHOTS).map((one) => shot(one, names))),
    ] : h("p", { class: "muted" }, t("No frame is kept on which they differ.")));
}
