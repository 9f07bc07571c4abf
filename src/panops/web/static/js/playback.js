// Plays a recording: one file after the other, the next one ready before the last picture of the one before.

import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";

const READY_S = 6;
const AGAIN_MS = 4000;

function release(video) {
  video.pause();
  video.removeAttribute("src");
  video.load();
  video.remove();
}

/** `root` is an element; `onTime(at_s)` follows the picture, `onState(state)` gets `playing`, `paused`, `waiting` or `off`. */
export class Playback {
  at_s = null;
  rate = 1;
  #video = null;
  #next = null;
  #seek = 0;
  #again = 0;

  constructor(recorded, { onTime, onState, onGap }) {
    this.recorded = recorded;
    [this.onTime, this.onState, this.onGap] = [onTime, onState, onGap];
    this.says = h("div", { class: "playback-says", role: "status", hidden: true });
    this.root = h("div", { class: "playback", hidden: true }, this.says);
  }

  get isOn() {
    return !this.root.hidden;
  }

  get isPlaying() {
    return this.#video !== null && !this.#video.paused && !this.#video.ended;
  }

  /** Plays from `at_s` on; where nothing was recorded, from the next picture on. `paused` only shows it. */
  async play(at_s, paused = false) {
    const turn = ++this.#seek;
    clearTimeout(this.#again);
    this.root.hidden = false;
    this.at_s = at_s;
    this.onTime(at_s);
    const inside = this.#video?.segment;
    if (inside && at_s >= inside.start_s && at_s < inside.end_s && this.#video.readyState) {
      this.#video.currentTime = at_s - inside.start_s;
      return paused ? this.pause() : this.#start(this.#video);
    }
    let segment;
    try {
      segment = await this.recorded.at(at_s);
    } catch (error) {
      return this.#say("warning", error.message);
    }
    if (turn !== this.#seek) return undefined;
    if (!segment) return this.#waitForMore(at_s, paused);
    if (segment.start_s > at_s + 1) this.onGap(at_s, segment.start_s);
    this.at_s = Math.max(at_s, segment.start_s); // the playhead stands beyond the gap before its first picture is there
    this.onTime(this.at_s);
    return this.#show(segment, this.at_s, paused);
  }

  pause() {
    if (this.#video?.paused === false) this.#video.pause(); // which tells it
    else this.onState("paused");
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else if (this.at_s !== null) this.play(this.at_s);
  }

  /** How fast it plays; kept for the next files. */
  setRate(rate) {
    this.rate = rate;
    for (const video of [this.#video, this.#next]) if (video) video.playbackRate = rate;
  }

  /** Ends playing and lets go of everything. */
  close() {
    this.#seek += 1;
    clearTimeout(this.#again);
    for (const video of [this.#video, this.#next]) if (video) release(video);
    [this.#video, this.#next, this.at_s] = [null, null, null];
    this.#hush();
    this.root.hidden = true;
    this.onState("off");
  }

  #make(segment) {
    const video = h("video", { src: segment.url, playsinline: true, preload: "auto", muted: true, "aria-label": t("Recorded picture") });
    video.segment = segment;
    video.defaultPlaybackRate = video.playbackRate = this.rate;
    video.addEventListener("timeupdate", () => this.#follow(video));
    video.addEventListener("seeked", () => this.#follow(video));
    video.addEventListener("play", () => video === this.#video && this.onState("playing"));
    video.addEventListener("pause", () => video === this.#video && !video.ended && this.onState("paused"));
    video.addEventListener("ended", () => video === this.#video && this.#goOn(segment));
    video.addEventListener("error", () => {
      if (video !== this.#video || !video.hasAttribute("src")) return;
      this.#say("warning", t("This file cannot be played: it was deleted, or this browser does not play its codec. It goes on after it."));
      this.recorded.forget();
      this.#again = setTimeout(() => this.play(segment.end_s), AGAIN_MS);
    });
    return video;
  }

  #show(segment, at_s, paused) {
    const video = this.#next?.segment.id === segment.id ? this.#next : this.#make(segment);
    if (this.#next && this.#next !== video) release(this.#next);
    this.#next = null;
    const before = this.#video;
    this.#video = video;
    const begin = () => {
      if (this.#video !== video) return;
      const offset = Math.max(0, Math.min(at_s - segment.start_s, video.duration - 0.05));
      if (Math.abs(video.currentTime - offset) > 0.05) video.currentTime = offset;
      if (before) release(before);
      this.#hush();
      if (paused) this.onState("paused");
      else this.#start(video);
    };
    if (!video.isConnected) this.root.append(video);
    if (video.readyState) begin();
    else video.addEventListener("loadedmetadata", begin, { once: true });
  }

  #start(video) {
    video.playbackRate = this.rate;
    if (!video.paused) this.onState("playing");
    video.play().catch(() => video === this.#video && video.paused && this.onState("paused")); // a browser may refuse; the button then starts it
  }

  #follow(video) {
    if (video !== this.#video || !video.readyState) return;
    this.at_s = video.segment.start_s + video.currentTime;
    this.onTime(this.at_s);
    if (!this.#next && video.duration - video.currentTime < READY_S * this.rate) this.#prepare(video.segment);
  }

  /** Loads the file after `segment` behind the one that plays. */
  async #prepare(segment) {
    const next = await this.recorded.at(segment.end_s + 0.01).catch(() => null);
    if (!next || this.#next || this.#video?.segment !== segment || next.id === segment.id) return;
    this.#next = this.#make(next);
    this.#next.classList.add("coming");
    this.root.prepend(this.#next);
  }

  #goOn(segment) {
    this.#next?.classList.remove("coming");
    this.play(segment.end_s + 0.01);
  }

  /** The newest picture has been shown: what comes next is still being written. */
  #waitForMore(at_s, paused) {
    if (this.recorded.data.oldest_s === null || this.recorded.data.mode === "off") return this.#say("info", t("Nothing was recorded from here on."));
    this.onState("waiting");
    this.#say("clock", t("What comes next is still being recorded; it plays here when its file is whole. The live picture has it now."));
    this.#again = setTimeout(() => this.play(at_s, paused), AGAIN_MS);
    return undefined;
  }

  #say(symbol, text) {
    fill(this.says, icon(symbol), h("span", {}, text));
    this.says.hidden = false;
  }

  #hush() {
    this.says.hidden = true;
  }
}
