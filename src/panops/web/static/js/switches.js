// A camera's switches: a sign for what is off, since when and by whom, and the switches themselves for those who may.

import { api, part } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { toast } from "./shell.js";
import { minute } from "./time.js";

const SWITCHES = {
  enabled: {
    word: t("Camera"), help: t("Off: it is not read, and keeps its settings."), always: t("The camera is off in its settings: it is not read."),
    since: (values) => t("The camera is off since {when}, by {by}: it is not read.", values), off: t("Camera is off"),
  },
  detect: {
    word: t("Detection"), help: t("Off: it is read and shown, and no rule sees anything."), always: t("Detection is off in its settings: the camera is shown, and no rule sees anything."),
    since: (values) => t("Detection is off since {when}, by {by}: the camera is shown, and no rule sees anything.", values), off: t("Detection is off"),
  },
  alerts: {
    word: t("Alerts"), help: t("Off: events are stored, and nobody is told."), always: t("Alerts are off in its settings: events are stored, and nobody is told."),
    since: (values) => t("Alerts are off since {when}, by {by}: events are stored, and nobody is told.", values), off: t("Alerts are off"),
  },
};

/** `Alerts are off since 14:02, by MQTT sink home: events are stored, and nobody is told.` */
const sign = (name, { since_s, by }) => (since_s === null ? SWITCHES[name].always : SWITCHES[name].since({ when: minute(since_s), by }));

/** `Detection and alerts are off`, for a list; empty where they are on. A camera that is off says so by its state. */
export function offWords({ switches }) {
  const off = ["detect", "alerts"].filter((name) => !switches[name].on);
  return off.length === 2 ? t("Detection and alerts are off") : off.length ? SWITCHES[off[0]].off : "";
}

/** Fills `signNode` and `node` for a camera; `may` says whether the user switches, `changed(camera)` gets what the server answers. Answers `update(camera)`. */
export function showSwitches(signNode, node, id, may, changed) {
  const inputs = Object.fromEntries(Object.keys(SWITCHES).map((name) => [name, h("input", { type: "checkbox", role: "switch", onchange: () => turn(name) })]));
  let waiting = null;
  let camera = null;

  function update(now) {
    camera = now;
    const off = Object.entries(camera.switches).filter(([, one]) => !one.on);
    signNode.hidden = !off.length;
    const text = off.map(([name, one]) => sign(name, one)).join("\n");
    if (signNode.dataset.text !== text) { // said once, not at each of the camera's messages
      signNode.dataset.text = text;
      fill(signNode, icon("warning"), h("div", {}, off.map(([name, one]) => h("p", {}, sign(name, one)))));
    }
    for (const [name, input] of Object.entries(inputs)) {
      const { on, since_s } = camera.switches[name];
      if (waiting !== name) input.checked = on;
      input.disabled = !may || waiting === name || (!on && since_s === null);
    }
  }

  async function turn(name) {
    const on = inputs[name].checked;
    waiting = name;
    update(camera);
    try {
      const answer = await api("PATCH", `/cameras/${part(id)}`, { [name]: on });
      waiting = null;
      changed(answer);
    } catch (error) {
      waiting = null;
      update(camera);
      toast(t("Not switched: {reason}", { reason: error.message }), "red");
    }
  }

  fill(node, ...Object.entries(SWITCHES).map(([name, { word, help }]) => h("label", { class: "switch", data: { switch: name } }, inputs[name], h("span", {}, h("strong", {}, word), h("br"), h("span", { class: "muted" }, help)))));
  return update;
}
