// A rule for a zone beside one for the whole picture: everybody in the zone is told twice. Said once, where the rule was made.

import { h, icon } from "./dom.js";
import { t } from "./messages.js";

/** The rules for a whole picture that tell what `made`, a rule for a zone, tells as well. */
function others(rules, made) {
  if (made?.kind !== "intrusion" || !made.zone || !made.enabled) return [];
  return rules.filter((rule) => rule.id !== made.id && rule.kind === "intrusion" && !rule.zone && rule.enabled && !rule.silent
    && rule.classes.some((name) => made.classes.includes(name)) && (!rule.cameras.length || !made.cameras.length || rule.cameras.some((id) => made.cameras.includes(id))));
}

/** A notice for each; `switchOff(rule)` is offered where nothing else hangs on it. */
export function doubled(rules, id, switchOff) {
  const made = rules.find((rule) => rule.id === id);
  return others(rules, made).map((rule) => h("li", { class: "notice warning", role: "status" }, icon("info"), h("div", { class: "stack" },
    h("p", {}, t("“{rule}” watches the whole picture: whoever is in the zone “{zone}” is told twice, once by each rule.", { rule: rule.id, zone: made.zone })),
    rule.cameras.length && rule.cameras.every((camera) => made.cameras.includes(camera)) ? h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => switchOff(rule) }, icon("power"), t("Switch {rule} off", { rule: rule.id }))) : null)));
}
