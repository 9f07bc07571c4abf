// What comes of a judgement: what the chain does from now on, how far it is to a suggestion, and the way back.

import { h, icon } from "./dom.js";
import { n, t } from "./messages.js";

/** `3 of 5 false alarms and 0 of 1 true one` of a rule, as the API's `progress` has it. */
export const marked = (one) => t("{false} and {true}", {
  false: n("{done} of {count} false alarm", "{done} of {count} false alarms", one.needs_false, { done: one.false_alarms }),
  true: n("{done} of {count} true one", "{done} of {count} true ones", one.needs_true, { done: one.true_alarms }),
});

const enough = (one) => one.false_alarms >= one.needs_false && one.true_alarms >= one.needs_true;

function teaches({ status }, more) {
  if (more.rule?.verify === false) return t("This rule has its events told unasked (verify is off), so the mark holds nothing back.");
  if (!more.verdict?.knows_look) return t("What it looked like is not known, so the mark holds nothing back by itself.");
  if (status === "true_alarm") return t("What looks like this at this place is told, whatever else was marked as false there.");
  return t("From now on, what looks like this at this place is held back: nobody is told, and it is kept under “Suppressed”. Who comes farther than this did is told as before.");
}

function toward(event, progress) {
  if (!progress) return "";
  if (enough(progress)) return t("Marked of the rule {rule}: {marked}. That is enough to look for a better setting.", { rule: event.rule_id, marked: marked(progress) });
  return t("Marked of the rule {rule}: {marked}. From there on panops looks for a setting that would have kept the false ones away.", { rule: event.rule_id, marked: marked(progress) });
}

/** What is shown below the buttons of an event that was called true or false; nothing for others. `more` has `rule` and `verdict`. */
export function aftermath(event, more, progress, { canChange, takeBack }) {
  if (!["false_alarm", "true_alarm"].includes(event.status) || !more?.evidence) return [];
  const one = progress?.find((of) => of.rule_id === event.rule_id);
  const way = toward(event, one);
  return [h("div", { class: "notice after" }, icon(event.status === "false_alarm" ? "flag" : "alarm"),
    h("div", { class: "stack grow" }, h("p", {}, teaches(event, more)), way ? h("p", { class: "muted" }, way) : null,
      h("div", { class: "row" }, canChange ? h("button", { class: "button", type: "button", onclick: takeBack }, icon("undo"), t("Take the mark back")) : null,
        h("a", { class: "button", href: "/suggestions" }, icon("lamp"), t("Fewer false alarms")))))];
}
