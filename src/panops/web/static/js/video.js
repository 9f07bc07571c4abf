// Live video of one camera: fragments from a socket into the browser's own player, kept close to the present.

import { t } from "./messages.js";

const DELAYS_MS = [1000, 2000, 4000, 8000, 15000];
const FULL_MS = 30000; // as many watch as may: somebody may leave
const SILENT_MS = 4000;
const KEEP_S = 8;
const HEAD = 20;
const NOT_UNDERSTOOD = 1008;
const TOO_MANY = 1013;
const NOT_THERE = 4404;

/** Puts pieces together: one call of the player for all that came. */
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** How far behind the newest picture to play, s: one picture and a half, and a little for the network. */
export const targetS = (stepS) => Math.min(0.1 + 1.5 * stepS, 0.8);

/** What to do about being `behindS` behind the newest picture: a rate, or null to leap to where it should be. */
export function chase(behindS, target) {
  if (behindS > target + 2 || behindS < -0.2) return null;
  if (behindS > target + 0.5) return 1.25;
  if (behindS > target + 0.12) return 1.08;
  return behindS < target * 0.4 ? 0.92 : 1;
}

/** `root` is the video element. Tells `onState(playing, text)` when it plays or not, and `onFrame(captured)` with each picture's time, UTC s. */
export class LiveVideo {
  #socket = null;
  #source = null;
  #buffer = null;
  #queue = [];
  #times = [];
  #step = 0.1;
  #unconfirmed = 0;
  #expectsStart = false;
  #attempt = 0;
  #timer = 0;
  #heardAt = 0;
  #wanted = null;
  #playing = false;

  constructor(root, id, onState, onFrame) {
    Object.assign(this, { root, id, onState, onFrame });
    root.muted = true;
    this.#follow();
    setInterval(() => this.#look(), 1000);
  }

  /** Plays `stream`, `sub` or `main`, from now on; null ends it. */
  play(stream) {
    if (stream === this.#wanted) return;
    this.#wanted = stream;
    this.#attempt = 0;
    this.#end("");
    if (stream) this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/video/${encodeURIComponent(this.id)}?stream=${this.#wanted}`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (typeof data === "string") this.#told(JSON.parse(data));
      else this.#piece(data);
    };
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#closed(code, reason);
  }

  #told(message) {
    if (message.type === "refused") this.#reset(message.reason);
    else if (message.type === "start" && !MediaSource.isTypeSupported(message.mime)) {
      // What was asked for stays: asked for once more, it would be refused once more.
      this.#end(message.mime.includes("hvc1") ? t("this browser does not play H.265") : t("this browser does not play this camera's video"));
    } else if (message.type === "start") this.#begin(message.mime);
  }

  #begin(mime) {
    this.#reset("");
    this.#expectsStart = true;
    const source = new MediaSource();
    this.#source = source;
    this.root.src = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(this.root.src);
      if (source !== this.#source) return;
      this.#buffer = source.addSourceBuffer(mime);
      this.#buffer.addEventListener("updateend", () => source === this.#source && this.#appended());
      this.#append();
    }, { once: true });
  }

  #piece(data) {
    this.#heardAt = performance.now();
    if (this.#expectsStart) {
      this.#expectsStart = false;
      this.#queue.push(new Uint8Array(data));
    } else {
      const view = new DataView(data);
      const [shown, captured] = [view.getFloat64(4, true), view.getFloat64(12, true)];
      const before = this.#times.at(-1);
      if (before && shown > before[0] && shown - before[0] < 2) this.#step += (shown - before[0] - this.#step) * 0.1;
      this.#times.push([shown, captured]);
      if (this.#times.length > 600) this.#times.splice(0, 300);
      this.#queue.push(new Uint8Array(data, HEAD));
    }
    this.#unconfirmed += 1;
    this.#append();
  }

  #append() {
    if (!this.#queue.length || !this.#buffer || this.#buffer.updating || this.#source.readyState !== "open") return;
    const pieces = this.#queue;
    this.#queue = [];
    try {
      this.#buffer.appendBuffer(joined(pieces));
    } catch (error) {
      if (error.name !== "QuotaExceededError") return this.#again(t("the browser's player gave up"));
      this.#queue = pieces;
      this.#trim(0);
    }
  }

  #appended() {
    if (this.#queue.length === 0) this.#confirm();
    const { buffered } = this.root;
    if (buffered.length) {
      // Not the end of what is buffered: the last picture is said to stay longer than it does.
      const end = (this.#times.at(-1)?.[0] ?? 0) + this.#step;
      const start = buffered.start(buffered.length - 1);
      const target = targetS(this.#step);
      const rate = this.root.currentTime < start ? null : chase(end - this.root.currentTime, target);
      if (rate === null) this.root.currentTime = Math.max(start, end - target);
      else if (this.root.playbackRate !== rate) this.root.playbackRate = rate;
      if (this.root.paused) this.root.play().catch(() => {}); // a browser that forbids it shows pictures
      if (!this.#buffer.updating && this.root.currentTime - buffered.start(0) > 2 * KEEP_S) this.#trim(KEEP_S);
    }
    this.#append();
  }

  #confirm() {
    if (!this.#unconfirmed || this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(`{"ack":${this.#unconfirmed}}`);
    this.#unconfirmed = 0;
  }

  #trim(keepS) {
    const until = this.root.currentTime - keepS;
    if (until > 0 && !this.#buffer.updating) this.#buffer.remove(0, until);
  }

  /** Tells of each picture that is shown. */
  #follow() {
    const shown = (at) => {
      const near = this.#times.findLast(([time]) => time <= at + 0.002) ?? this.#times[0];
      if (near) this.onFrame(near[1] + at - near[0]);
      if (!this.#playing && near && this.#wanted) {
        this.#playing = true;
        this.#attempt = 0;
        this.onState(true, "");
      }
    };
    if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
      const next = (_now, { mediaTime }) => {
        shown(mediaTime);
        this.root.requestVideoFrameCallback(next);
      };
      this.root.requestVideoFrameCallback(next);
    } else this.root.addEventListener("timeupdate", () => shown(this.root.currentTime));
    this.root.addEventListener("error", () => this.#wanted && this.root.error && this.#again(t("the browser's player gave up")));
  }

  #look() {
    if (this.#playing && performance.now() - this.#heardAt > SILENT_MS) this.#stopped(t("no video arrives"));
  }

  #stopped(text) {
    this.#playing = false;
    this.onState(false, text);
  }

  /** Lets go of what is being played; the connection stays. */
  #reset(text) {
    this.#source = this.#buffer = null;
    [this.#queue, this.#times, this.#expectsStart] = [[], [], false];
    this.#confirm(); // what is thrown away is never appended, and the server waits to hear of it
    if (this.root.src) {
      this.root.removeAttribute("src");
      this.root.load();
    }
    this.#stopped(text);
  }

  #end(text) {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    // Browsers complain of a connection that is closed while it is made.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
    this.#reset(text);
    this.#unconfirmed = 0;
  }

  #again(text) {
    this.#end(text);
    const delay = DELAYS_MS[Math.min(this.#attempt, DELAYS_MS.length - 1)];
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#wanted && this.#open(), delay);
  }

  #closed(code, reason) {
    if (code === TOO_MANY) {
      this.#end(reason);
      this.#timer = setTimeout(() => this.#wanted && this.#open(), FULL_MS);
    } else if ([NOT_THERE, NOT_UNDERSTOOD, 4401, 4403, 4428].includes(code)) this.#end(reason);
    else this.#again(t("the connection was lost"));
  }
}
