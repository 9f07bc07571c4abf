// What a rule would have said with zones and lines as they are drawn now, saved or not.

import { tryRule } from "./dry_run.js";
import { byId, fill, h, icon, whileBusy } from "./dom.js";
import { t } from "./messages.js";
import { toPlaces } from "./shapes.js";
import { kindOf, sentence } from "./words.js";

const OWN = { zone: { kind: "intrusion", words: (name) => t("Somebody in {name}", { name }) }, line: { kind: "line_crossing", words: (name) => t("Somebody crosses {name}", { name }) } };

/** The part of the editor that tries. `camera` is as the API tells it, `rules` are all of the site. */
export class Trial {
  #choices = new Map(); // what can be tried: key -> {words, rule}
  #shapes = [];

  constructor(camera, rules) {
    Object.assign(this, { camera, rules: rules.filter((rule) => !rule.cameras?.length || rule.cameras.includes(camera.id)) });
    byId("trial").hidden = false;
    byId("try").addEventListener("click", () => this.#try());
  }

  /** Shows what can be tried with these shapes; the one that is selected comes first unless somebody chose. `ready` is whether they can be tried. */
  show(shapes, selected, ready) {
    this.#shapes = shapes;
    const before = byId("try-rule").value;
    const known = this.#choices;
    this.#choices = new Map([...shapes.filter((shape) => OWN[shape.kind]).map((shape) => this.#own(shape)), ...this.rules.map((rule) => this.#stored(rule, shapes))]);
    fill(byId("try-rule"), [...this.#choices].map(([key, { words }]) => h("option", { value: key }, words)));
    const mine = shapes[selected] && `${shapes[selected].kind}:${shapes[selected].name}`;
    const wanted = mine !== this.mine && this.#choices.has(mine) ? mine : known.size && this.#choices.has(before) ? before : mine;
    this.mine = mine;
    if (this.#choices.has(wanted)) byId("try-rule").value = wanted;
    byId("try").disabled = !ready || !this.#choices.size;
    byId("trial-none").hidden = this.#choices.size > 0;
  }

  #own({ kind, name }) {
    const { classes = [] } = this.camera;
    // For the detector without a model every name stands for what moves.
    const seen = classes.includes("person") || classes.every((one) => one === "moving") ? "person" : classes[0];
    return [`${kind}:${name}`, { words: OWN[kind].words(name), rule: { kind: OWN[kind].kind, cameras: [this.camera.id], classes: [seen], [kind]: name } }];
  }

  /** A rule that is stored, on this camera alone, and with the names that its zones and lines have now. */
  #stored(rule, shapes) {
    const now = (name) => shapes.find((shape) => shape.was === name)?.name ?? name;
    const places = Object.fromEntries(["zone", "line"].filter((key) => rule[key]).map((key) => [key, now(rule[key])]));
    return [`rule:${rule.id}`, { words: t("Rule {rule} ({kind})", { rule: rule.id, kind: kindOf(rule.kind).word }), rule: { ...rule, ...places, leave_out: (rule.leave_out ?? []).map(now), cameras: [this.camera.id] } }];
  }

  async #try() {
    const { rule } = this.#choices.get(byId("try-rule").value);
    const places = toPlaces(this.#shapes);
    const hours = Number(byId("hours").value);
    await whileBusy(byId("try"), () => tryRule(byId("dry"), rule, hours, [{ ...this.camera, ...places }], { [this.camera.id]: places })).catch((error) => {
      const text = error.fields?.length ? error.fields.map((one) => one.message).join(" ") : error.message;
      fill(byId("dry"), h("div", { class: "notice alarm", role: "alert" }, icon("alarm"), h("span", {}, sentence(text))));
    });
  }
}
