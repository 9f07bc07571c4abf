// An event's picture and clip, with boxes drawn over them.

import { h, icon, memory } from "./dom.js";
import { t } from "./messages.js";
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

const hasClip = (event) => event.has_clip || event.has_clip_so_far;

/** Why there is a clip so far only. */
function soFarBecause(event) {
  if (event.ended_at_s === null) return t("It goes on: this is how it began. The whole clip takes its place by itself.");
  return event.details.interrupted ? t("panops was cut off while it went on: no more of it is there.") : t("It is over: the whole clip comes in a moment.");
}

/** Stops a video and lets go of its file. */
function release(media) {
  if (media?.tagName !== "VIDEO") return;
  media.pause();
  media.removeAttribute("src");
  media.load();
}

/** The media part of the detail: `root`, `bar` and `note` are elements, `toggle()` plays or pauses, `close()` stops everything. */
export class Stage {
  #overlay = new Overlay(h("canvas", { class: "over" }));
  #media = null;
  #trail = [];
  #startS = 0;
  #tabs = {};
  #pictured = [];
  #files = {};
  #coming = null;
  showBoxes = memory.get("event-boxes", "on") === "on";

  /** `event` is an EventOut; `evidence` and `tracks` come with its details and may be missing. `reload()` has the details read again. */
  constructor(event, details = {}, reload = async () => {}) {
    this.reload = reload;
    this.root = h("div", { class: "stage" });
    const tab = (name, symbol, word) => (this.#tabs[name] = h("button", { class: "button", type: "button", "aria-pressed": "false", onclick: ({ currentTarget }) => {
      currentTarget.blur(); // so that Space plays instead of pressing it again
      if (this.root.dataset.shows !== name) this.show(name);
    } }, icon(symbol), h("span", {}, word)));
    this.boxButton = h("button", { class: "button", type: "button", "aria-pressed": String(this.showBoxes), onclick: () => this.switchBoxes() }, icon("boxes"), t("Boxes"));
    this.bar = h("div", { class: "stage-bar" }, h("div", { class: "segments", role: "group", "aria-label": t("Show") },
      tab("picture", "picture", t("Picture")), tab("clip", "play", t("Clip"))), this.boxButton);
    this.note = h("p", { class: "stage-note muted", role: "status" });
    this.renew(event, details);
    this.show("picture");
  }

  /** Takes over what is new of the event and its files. What is being watched goes on at the same second. */
  renew(event, { evidence = [], tracks = [] } = {}) {
    const before = this.#files;
    this.event = event;
    this.#trail = tracks ?? [];
    this.#files = Object.fromEntries(evidence.map((one) => [one.kind, one]));
    const { clip, clip_so_far: soFar, snapshot } = this.#files;
    this.#startS = (clip ?? soFar)?.start_s ?? event.started_at_s;
    // The event's own box is of its best moment; the picture may be of another one, so its boxes are looked up in the trail.
    this.#pictured = snapshot ? boxesAt(this.#trail, snapshot.start_s + 0.001).filter((box) => event.track_ids.includes(box[0])) : [];
    this.#tabs.picture.disabled = !event.has_snapshot;
    this.#tabs.clip.disabled = !hasClip(event);
    this.#tabs.clip.lastChild.textContent = hasClip(event) && !event.has_clip ? t("Clip so far") : t("Clip");
    this.note.textContent = !hasClip(event) || event.has_clip ? "" : soFarBecause(event);
    this.note.hidden = !this.note.textContent;
    const { shows } = this.root.dataset;
    if (shows === "picture" && (!this.#media || before.snapshot?.url !== snapshot?.url)) this.show("picture");
    else if (shows === "clip" && (before.clip ?? before.clip_so_far)?.url !== (clip ?? soFar)?.url && hasClip(event)) this.#clip(this.#media);
    else this.#draw();
  }

  /** Shows `picture` or `clip`. */
  show(name) {
    this.close();
    for (const [key, button] of Object.entries(this.#tabs)) button.setAttribute("aria-pressed", String(key === name));
    const { event } = this;
    if (name === "clip") this.#clip();
    else if (event.has_snapshot) this.#picture();
    else this.root.replaceChildren(h("div", { class: "nothing" }, icon("picture"), event.ended_at_s === null ? t("The picture is being stored.") : t("There is no picture of this event.")));
    this.root.dataset.shows = name;
  }

  /** Plays or pauses the clip; from the picture it goes to the clip. */
  toggle() {
    if (!hasClip(this.event)) return;
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
    release(this.#media);
    release(this.#coming);
    [this.#media, this.#coming] = [null, null];
  }

  /** The address of a file, of its very version where that is known: no player gets half of one and half of the next. */
  #src(kind, file) {
    return this.#files[kind]?.url ?? `/api/v1/events/${encodeURIComponent(this.event.event_id)}/${file}`;
  }

  #picture() {
    // Without a trail (it is stored with the clip) the server's own drawing shows who it was.
    const drawn = this.#pictured.length === 0 && this.showBoxes && this.event.has_annotated;
    const image = h("img", { src: drawn ? this.#src("annotated", "annotated.jpg") : this.#src("snapshot", "snapshot.jpg"), alt: t("Picture of {time}, {camera}", { time: clock(this.event.started_at_s), camera: this.event.camera_name }) });
    image.addEventListener("load", () => {
      this.#overlay.ratio = image.naturalWidth / image.naturalHeight;
      this.#draw();
    });
    this.#put(image);
  }

  /** Plays the clip; `before` is a shorter one of the same event: the clip takes its place, at the same second, once it can be seen. */
  #clip(before = null) {
    const source = this.event.has_clip ? this.#src("clip", "clip.mp4") : this.#src("clip_so_far", "clip_so_far.mp4");
    const video = h("video", { src: source, controls: true, playsinline: true, preload: "auto", muted: true, "aria-label": t("Clip of the event") });
    video.addEventListener("loadedmetadata", () => {
      this.#overlay.ratio = video.videoWidth / video.videoHeight || 16 / 9;
      // Begin where it began: what was before is there to go back to.
      const at = before?.readyState ? before.currentTime : this.event.started_at_s - this.#startS - 1;
      video.currentTime = Math.max(0, Math.min(at, video.duration - 0.1));
      if (before && !before.paused && !before.ended) video.play().catch(() => {});
      this.#draw();
    });
    video.addEventListener("error", async () => {
      await this.reload(); // a longer clip may have taken its place: then that one plays by now
      if (this.#media === video) this.root.append(h("div", { class: "nothing" }, icon("warning"), t("This browser cannot play the clip. Download it instead.")));
    }, { once: true });
    for (const type of ["seeked", "timeupdate"]) video.addEventListener(type, () => this.#draw());
    const begin = () => {
      if (this.#coming !== video) return;
      this.#coming = null;
      release(before);
      this.#put(video);
      video.requestVideoFrameCallback?.(follow);
    };
    const follow = () => {
      if (this.#media !== video) return;
      this.#draw();
      video.requestVideoFrameCallback?.(follow);
    };
    release(this.#coming);
    this.#coming = video;
    if (before) video.addEventListener("seeked", begin, { once: true });
    else begin();
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
