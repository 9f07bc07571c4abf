// A live picture: JPEG bytes -> canvas, boxes on a canvas above it.

import { h } from "./dom.js";
import { Overlay } from "./overlay.js";

/** `root` holds both canvases. Frames that arrive while one is being decoded replace each other: the newest wins. */
export class Picture {
  #pixels = h("canvas", { class: "pixels", width: 16, height: 9 });
  #screen = this.#pixels.getContext("bitmaprenderer");
  #waiting = null;
  #busy = null;
  overlay = new Overlay(h("canvas", { class: "over" }));
  root = h("div", { class: "picture" }, this.#pixels, this.overlay.canvas);
  showBoxes = true;
  /** Where something else is shown above the pictures: takes `(time, boxes)` instead of having them drawn with the picture. */
  timed = null;
  boxes = [];
  /** `performance.now()` of the newest picture drawn, 0 before the first. */
  drawnAt = 0;
  /** Capture time of the newest picture, UTC s. */
  time = 0;
  drawn = 0;

  /** Draws `{jpeg, time, boxes}`; resolves once it, or a newer one, is on the screen. */
  show(frame) {
    this.#waiting = frame;
    this.#busy ??= this.#work().finally(() => {
      this.#busy = null;
    });
    return this.#busy;
  }

  async #work() {
    while (this.#waiting) {
      const frame = this.#waiting;
      this.#waiting = null;
      let bitmap;
      try {
        bitmap = await createImageBitmap(new Blob([frame.jpeg], { type: "image/jpeg" }));
      } catch {
        continue; // a damaged picture is skipped; `drawnAt` ages and the tile says so
      }
      if (!this.timed) this.overlay.ratio = bitmap.width / bitmap.height;
      // Hands the decoded pixels over without copying; the canvas takes the picture's size.
      this.#screen.transferFromImageBitmap(bitmap);
      this.drawn += 1;
      this.root.dataset.frames = this.drawn;
      this.drawnAt = performance.now();
      this.time = frame.time;
      if (this.timed) this.timed(frame.time, frame.boxes);
      else this.setBoxes(frame.boxes);
    }
  }

  /** The shape of what is shown above the pictures. */
  setRatio(ratio) {
    if (ratio > 0) this.overlay.ratio = ratio;
    this.overlay.draw();
  }

  /** Boxes of the picture shown; they stay hidden while `showBoxes` is off. */
  setBoxes(boxes) {
    this.boxes = boxes;
    this.overlay.boxes = this.showBoxes ? boxes : [];
    this.overlay.draw();
  }

  /** Switches the boxes. */
  toggleBoxes(on) {
    this.showBoxes = on;
    this.setBoxes(this.boxes);
  }

  /** Zones and lines to draw, or null for none. */
  setShapes(shapes) {
    this.overlay.shapes = shapes;
    this.overlay.draw();
  }
}
