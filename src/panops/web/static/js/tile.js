// One camera on a wall: picture, name, state in a word and a symbol, what is wrong, and the alarm that is on.

import { stateOf, trouble } from "./condition.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { Picture } from "./picture.js";
import { clock } from "./time.js";
import { kindOf, severityOf } from "./words.js";

const SILENT_MS = 6000;
const ALERT_MS = 12000;

/** `root` is a button; `update(camera)`, `show(frame)`, `stale(text)` and `check(now)` keep it true. */
export class Tile {
  picture = new Picture();
  camera = null;
  visible = false;
  #state = h("span", { class: "state" });
  #name = h("span", { class: "name ellipsis" });
  #message = h("span", { class: "message", hidden: true });
  #alert = h("span", { class: "alert", hidden: true });
  #alertEnds = 0;
  #trouble = "";
  #watchedAt = 0;
  #checkedAt = 0;

  constructor(camera, onOpen) {
    this.root = h("button", { class: "tile waiting", type: "button", data: { id: camera.id }, onclick: () => onOpen(this) },
      this.picture.root, this.#message, this.#alert, h("span", { class: "caption" }, this.#name, this.#state));
    this.update(camera);
  }

  /** New facts about the camera. */
  update(camera) {
    this.camera = camera;
    this.#name.textContent = camera.name || camera.id;
    this.#paint();
  }

  /** Draws a frame; resolves when it is on the screen. */
  async show(frame) {
    await this.picture.show(frame);
    if (this.#trouble || this.root.classList.contains("waiting")) {
      this.#trouble = "";
      this.root.classList.remove("waiting");
      this.#paint();
    }
  }

  /** The picture is no longer the present, and why. */
  stale(text) {
    this.#trouble = text;
    this.picture.setBoxes([]);
    this.#paint();
  }

  /** Called when pictures are asked for, so that silence is measured from then. */
  watched(on) {
    this.#watchedAt = on ? performance.now() : 0;
  }

  /** Once a second: has the picture stopped although the camera is said to be live; is an alarm's time over. */
  check(now) {
    // A hidden tab or a sleeping computer gets no pictures: silence counts from the return.
    if (now - this.#checkedAt > 3000 && this.#watchedAt) this.#watchedAt = now;
    this.#checkedAt = now;
    const since = Math.max(this.picture.drawnAt, this.#watchedAt);
    if (this.#watchedAt && this.camera.state === "live" && now - since > SILENT_MS && !this.#trouble) this.stale(t("No pictures arrive"));
    if (this.#alertEnds && now > this.#alertEnds) {
      this.#alertEnds = 0;
      this.#alert.hidden = true;
      this.root.classList.remove("alarmed");
    }
  }

  /** An event of this camera began, went on or ended. */
  alarm(event) {
    const { tone, icon: symbol } = severityOf(event.severity);
    if (event.status !== "new") this.#alertEnds = 1;
    else if (event.ended_at_s === null || !this.#alert.hidden) this.#alertEnds = performance.now() + ALERT_MS;
    else return;
    this.#alert.className = `alert ${tone}`;
    fill(this.#alert, icon(symbol, true), kindOf(event.kind).word);
    this.#alert.hidden = false;
    this.root.classList.toggle("alarmed", tone === "red");
  }

  #paint() {
    const { camera } = this;
    const state = this.#trouble && camera.state === "live" ? { word: t("Stale"), tone: "amber", icon: "warning", help: "" } : stateOf(camera.state);
    const { time } = this.picture;
    this.#state.className = `state ${state.tone}`;
    fill(this.#state, icon(state.icon, true), h("span", { class: "word" }, state.word));
    const well = camera.state === "live" && !this.#trouble;
    this.root.classList.toggle("stale", !well);
    this.root.dataset.state = this.#trouble ? "stale" : camera.state;
    if (!well) this.root.classList.remove("waiting");
    this.#message.hidden = well;
    this.#state.hidden = !well; // the message says the same, larger
    this.#message.className = `message ${state.tone}`;
    const text = camera.state === "live" ? `${this.#trouble}.${time ? ` ${t("Last picture {time}.", { time: clock(time) })}` : ""}` : trouble(camera);
    if (!well) fill(this.#message, icon(state.icon), h("strong", {}, state.word), h("span", {}, text));
    const label = `${camera.name || camera.id}: ${state.word}${well ? "" : `. ${text}`}`;
    if (this.root.getAttribute("aria-label") !== label) this.root.setAttribute("aria-label", label);
  }
}
