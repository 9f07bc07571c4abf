// The one websocket of a page: events and states as text, pictures as binary batches.

import { toLogin } from "./api.js";

const DELAYS_MS = [400, 1000, 2000, 4000, 8000, 15000];
const ACK_TIMEOUT_MS = 3000;
const UTF8 = new TextDecoder();

/**
 * Splits a binary batch into `{id, time, jpeg, boxes}`: records of camera u16, flags u16, length u32, time f64, JPEG,
 * and with flag 1 a length u32 and `[[track, class, score, x1, y1, x2, y2], ...]` as JSON; little endian. Who asked for names, and may
 * know them, has `who` (known, unknown, spoof) and a name behind those of whom it is decided.
 */
export function readBatch(buffer, names) {
  const view = new DataView(buffer);
  const frames = [];
  let at = 0;
  while (at + 16 <= buffer.byteLength) {
    const [camera, flags, length, time] = [view.getUint16(at, true), view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getFloat64(at + 8, true)];
    at += 16;
    const jpeg = new Uint8Array(buffer, at, length);
    at += length;
    let boxes = [];
    if (flags & 1) {
      const size = view.getUint32(at, true);
      boxes = JSON.parse(UTF8.decode(new Uint8Array(buffer, at + 4, size)));
      at += 4 + size;
    }
    const id = names.get(camera);
    if (id !== undefined) frames.push({ id, time, jpeg, boxes });
  }
  return frames;
}

/** Connects at once and for ever. Types to listen for: `up`, `down` (retry in ms), `event`, `camera`, `notice`, `cameras`, `frames`. */
export class Live {
  #listeners = new Map();
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #names = new Map();
  #wanted = { sub: [], fps: 5, size: "s", names: false };
  up = false;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#send({ ...this.#wanted, sub: [] });
      else if (this.up) this.#send(this.#wanted);
      else this.#now();
    });
    addEventListener("online", () => this.#now());
    this.#open();
  }

  /** Calls `listener(data)` for messages of `type`; for `frames` it may return a promise that is awaited before the next batch is asked for. */
  on(type, listener) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    return this;
  }

  /** Asks for these cameras' pictures and no others; with `names` for who is in them. */
  watch(sub, fps, size, names = false) {
    const wanted = { sub, fps, size, names };
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    this.#wanted = wanted;
    if (!document.hidden) this.#send(wanted);
  }

  #emit(type, data) {
    return (this.#listeners.get(type) ?? []).map((listener) => listener(data));
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #now() {
    if (this.up || this.#socket?.readyState === WebSocket.CONNECTING) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#text(JSON.parse(data)) : this.#batch(socket, data));
    socket.onclose = ({ code }) => this.#closed(code);
  }

  #text(message) {
    if (message.type === "cameras") {
      this.#names = new Map(Object.entries(message.index).map(([id, number]) => [number, id]));
      // The first index is the server's word that the session is good: only now is the page connected.
      if (!this.up) {
        this.up = true;
        this.#attempt = 0;
        if (!document.hidden) this.#send(this.#wanted);
        this.#emit("up");
      }
    }
    this.#emit(message.type, message);
  }

  async #batch(socket, buffer) {
    const drawn = this.#emit("frames", readBatch(buffer, this.#names));
    // Acknowledged once drawn: a browser that cannot keep up gets fewer pictures instead of a queue.
    await Promise.race([Promise.allSettled(drawn), new Promise((done) => setTimeout(done, ACK_TIMEOUT_MS))]);
    if (socket.readyState === WebSocket.OPEN) socket.send('{"ack":1}');
  }

  #closed(code) {
    this.up = false;
    if (code === 4428) {
      location.replace("/account"); // a second factor is required by now
      return;
    }
    if (code === 4401) {
      toLogin();
      return;
    }
    const step = DELAYS_MS[Math.min(this.#attempt, DELAYS_MS.length - 1)];
    this.#attempt += 1;
    const delay = Math.round(step * (0.75 + Math.random() * 0.5));
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#emit("down", { delay, refused: code === 4403 });
  }
}
