// One model of the store: what it finds, how well, what it is not for. Its versions are on the models page.

import { h, icon } from "./dom.js";
import { n, t } from "./messages.js";
import { plain } from "./things.js";
import { percent, sentence } from "./words.js";

const TASKS = { detection: t("Detection") };

const MOST_CLASSES = 8;

/** Those in use first, then what is installed, then what can be had. `used` has the number of cameras by name. */
export function ranked(models, used) {
  const rank = (model) => (Object.hasOwn(used, model.name) ? 0 : model.state === "installed" ? 1 : 2);
  return models.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

function standing(model, cameras) {
  if (cameras !== undefined) return h("span", { class: "chip accent" }, icon("chip", true), cameras ? n("In use by {count} camera", "In use by {count} cameras", cameras) : t("In use"));
  return model.state === "installed" ? h("span", { class: "chip green" }, icon("check", true), t("Installed")) : h("span", { class: "chip" }, icon("download", true), t("Available"));
}

/** A card; `cameras` is how many use it, undefined for one that is not in use. */
export function modelCard(model, cameras) {
  const [width, height] = model.input_size_wh;
  const more = model.classes.length - MOST_CLASSES;
  const finds = model.classes.slice(0, MOST_CLASSES).join(", ") + (more > 0 ? ` and ${more} more` : "");
  const measured = Object.entries(model.accuracy).map(([set, value]) => `${set} ${value <= 1 ? percent(value) : value}`).join(", ");
  const line = (word, text) => (text ? h("p", {}, h("span", { class: "faint" }, `${word}: `), text) : null);
  return h("article", { class: "model", data: { model: model.name } },
    h("div", { class: "row" }, h("strong", {}, model.name), standing(model, cameras)),
    h("p", {}, [TASKS[model.task] ?? plain(model.task), width ? `${width} × ${height}` : "", model.licence].filter(Boolean).join(" · ")),
    line(t("Finds"), finds), line(t("Measured"), measured), line(t("Not for"), model.not_for), model.note ? h("p", {}, sentence(model.note)) : null);
}
