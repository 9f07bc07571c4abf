// An event's picture and clip, with boxes drawn over them.

import { h, icon, memory } from "./dom.js";
import { Overlay } from "./overlay.js";
import { clock } from "./time.js";

const GAP_S = 1.2;

/** The trail's boxes at `time_s`: between two samples each track moves in a straight line; none where the trail has a gap. */
export function boxesAt(trail, time_s) {
  let [low, high] = [0, trail.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trail[middle].time_s <= time_s) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [trail[low - 1], trail[low]];
  if (!before) return [];
  const flat = (one, box = one.box) => [one.track_id, one.class_name, one.score, ...box];
  if (!after || after.time_s - before.time_s > GAP_S) return time_s - before.time_s < GAP_S / 2 ? before.boxes.map((one) => flat(one)) : [];
  const share = (time_s - before.time_s) / (after.time_s - before.time_s);
  return before.boxes.map((one) => {
    const later = after.boxes.find((other) => other.track_id === one.track_id);
    return flat(one, later ? one.box.map((value, side) => value + (later.box[side] - value) * share) : one.box);
  });
}

/** The media part of the detail: `root` and `bar` are elements, `toggle()` plays or pauses, `close()` stops everything. */
export class Stage {
  #overlay = new Overlay(h("canvas", { class: "over" }));
  #media = null;
  #trail = [];
  #startS = 0;
  #tabs = {};
  #pictured = [];
  showBoxes = memory.get("event-boxes", "on") === "on";

  /** `event` is an EventOut; `evidence` and `tracks` come with its details and may be missing. */
  constructor(event, { evidence = [], tracks = [] } = {}) {
    this.event = event;
    this.#trail = tracks ?? [];
    this.#startS = evidence.find((one) => one.kind === "clip")?.start_s ?? event.started_at_s;
    // The event's own box is of its best moment; the picture may be of another one, so its boxes are looked up in the trail.
    const takenS = evidence.find((one) => one.kind === "snapshot")?.start_s;
    this.#pictured = takenS === undefined ? [] : boxesAt(this.#trail, takenS + 0.001).filter((box) => event.track_ids.includes(box[0]));
    this.root = h("div", { class: "stage" });
    const tab = (name, symbol, word, there) => (this.#tabs[name] = h("button", { class: "button", type: "button", disabled: !there, "aria-pressed": "false", onclick: ({ currentTarget }) => {
      currentTarget.blur(); // so that Space plays instead of pressing it again
      if (this.root.dataset.shows !== name) this.show(name);
    } }, icon(symbol), word));
    this.boxButton = h("button", { class: "button", type: "button", "aria-pressed": String(this.showBoxes), onclick: () => this.switchBoxes() }, icon("boxes"), "Boxes");
    this.bar = h("div", { class: "stage-bar" }, h("div", { class: "segments", role: "group", "aria-label": "Show" },
      tab("picture", "picture", "Picture", event.has_snapshot), tab("clip", "play", "Clip", event.has_clip)), this.boxButton);
    this.show("picture");
  }

  /** Shows `picture` or `clip`. */
  show(name) {
    this.close();
    for (const [key, button] of Object.entries(this.#tabs)) button.setAttribute("aria-pressed", String(key === name));
    const { event } = this;
    if (name === "clip") this.#clip();
    else if (event.has_snapshot) this.#picture();
    else this.root.replaceChildren(h("div", { class: "nothing" }, icon("picture"), event.ended_at_s === null ? "The picture is being stored." : "There is no picture of this event."));
    this.root.dataset.shows = name;
  }

  /** Plays or pauses the clip; from the picture it goes to the clip. */
  toggle() {
    if (!this.event.has_clip) return;
    if (this.root.dataset.shows !== "clip") this.show("clip");
    if (this.#media.paused) this.#media.play().catch(() => {}); // a browser may refuse; its own button then starts it
    else this.#media.pause();
  }

  /** Switches the boxes on or off, and remembers it. */
  switchBoxes() {
    this.showBoxes = !this.showBoxes;
    memory.set("event-boxes", this.showBoxes ? "on" : "off");
    this.boxButton.setAttribute("aria-pressed", String(this.showBoxes));
    if (this.root.dataset.shows === "picture" && this.event.has_snapshot) this.#picture();
    else this.#draw();
  }

  /** Stops the clip and lets go of it. */
  close() {
    if (this.#media?.tagName === "VIDEO") {
      this.#media.pause();
      this.#media.removeAttribute("src");
      this.#media.load();
    }
    this.#media = null;
  }

  #src(file) {
    return `/api/v1/events/${encodeURIComponent(this.event.event_id)}/${file}`;
  }

  #picture() {
    // Without a trail (it is stored when the event is over) the server's own drawing shows who it was.
    const drawn = this.#pictured.length === 0 && this.showBoxes && this.event.has_annotated;
    const image = h("img", { src: this.#src(drawn ? "annotated.jpg" : "snapshot.jpg"), alt: `Picture of ${clock(this.event.started_at_s)}, ${this.event.camera_name}` });
    image.addEventListener("load", () => {
      this.#overlay.ratio = image.naturalWidth / image.naturalHeight;
      this.#draw();
    });
    this.#put(image);
  }

  #clip() {
    const video = h("video", { src: this.#src("clip.mp4"), controls: true, playsinline: true, preload: "auto", muted: true, "aria-label": "Clip of the event" });
    video.addEventListener("loadedmetadata", () => {
      this.#overlay.ratio = video.videoWidth / video.videoHeight || 16 / 9;
      // Begin where it began: what was before is there to go back to.
      video.currentTime = Math.max(0, Math.min(this.event.started_at_s - this.#startS - 1, video.duration - 0.1));
      this.#draw();
    });
    video.addEventListener("error", () => {
      if (this.#media === video) this.root.append(h("div", { class: "nothing" }, icon("warning"), "This browser cannot play the clip. Download it instead."));
    });
    for (const type of ["seeked", "timeupdate"]) video.addEventListener(type, () => this.#draw());
    this.#put(video);
    const follow = () => {
      if (this.#media !== video) return;
      this.#draw();
      video.requestVideoFrameCallback?.(follow);
    };
    video.requestVideoFrameCallback?.(follow);
  }

  #put(media) {
    this.#media = media;
    this.#overlay.boxes = [];
    this.root.replaceChildren(media, this.#overlay.canvas);
  }

  #draw() {
    let boxes = [];
    if (!this.#media || !this.showBoxes) boxes = [];
    else if (this.#media.tagName === "VIDEO") boxes = boxesAt(this.#trail, this.#startS + this.#media.currentTime);
    else boxes = this.#pictured;
    this.#overlay.boxes = boxes;
    this.#overlay.draw();
  }
}
