// Two points that say a way: drawn as an arrow over a camera's picture, or typed.

import { part } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { s } from "./glyphs.js";
import { t } from "./messages.js";
import { share } from "./shapes.js";

const NUMBER = (value) => (value === null || value === undefined ? "" : Math.round(1000 * value) / 1000);

/** A control of a rule's form: `node`, `value()` gives `[[x, y], [x, y]]` or null, `refresh(site)` takes the first camera's picture. */
export function way(id, given) {
  let points = given ? given.map((point) => [...point]) : null;
  let camera = null;
  let from = null;
  const image = h("img", { alt: "", hidden: true });
  const over = s("svg", { class: "dry-over way-over", viewBox: "0 0 1000 1000", preserveAspectRatio: "none", role: "img", "aria-label": t("Draw the allowed way: press where it begins, drag to where it leads") });
  const inputs = [0, 1].map((at) => [0, 1].map((axis) => h("input", { class: "input", type: "number", min: 0, max: 1, step: 0.001, "aria-label": `${at ? t("To [place]") : t("From [place]")}, ${axis ? "y" : "x"}`, oninput: typed })));
  const stage = h("div", { class: "dry-shot way-stage" }, image, over);
  const root = h("div", { class: "stack", id }, stage, ...inputs.map((pair, at) => h("div", { class: "row" }, h("span", { class: "muted way" }, at ? t("to [place]") : t("from [place]")), pair)),
    h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => { points = null; show(); tell(); } }, icon("close"), t("No arrow"))));

  function tell() {
    root.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function typed() {
    const values = inputs.map((pair) => pair.map((input) => input.valueAsNumber));
    points = values.flat().every(Number.isFinite) ? values : values.flat().some(Number.isFinite) ? values.map((pair) => pair.map((value) => (Number.isFinite(value) ? value : 0))) : null;
    draw();
  }

  function show() {
    inputs.forEach((pair, at) => pair.forEach((input, axis) => { input.value = NUMBER(points?.[at]?.[axis]); }));
    draw();
  }

  function draw() {
    if (!points) return fill(over);
    const [[x1, y1], [x2, y2]] = points.map((point) => point.map((value) => 1000 * value));
    // The picture is wider than high, so the head is turned in shares of its real sides.
    const angle = Math.atan2((y2 - y1) * 9, (x2 - x1) * 16);
    const head = (turn) => `${(x2 - 34 * Math.cos(angle + turn)).toFixed(1)} ${(y2 - (34 * 16 * Math.sin(angle + turn)) / 9).toFixed(1)}`;
    return fill(over, s("path", { class: "line", d: `M${x1} ${y1}L${x2} ${y2}M${head(0.5)}L${x2} ${y2}L${head(-0.5)}` }));
  }

  const at = (event) => {
    const box = over.getBoundingClientRect();
    return [share((event.clientX - box.left) / box.width), share((event.clientY - box.top) / box.height)];
  };
  over.addEventListener("pointerdown", (event) => {
    from = at(event);
    over.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  over.addEventListener("pointermove", (event) => {
    if (!from) return;
    points = [from, at(event)];
    show();
  });
  over.addEventListener("pointerup", () => {
    from = null;
    tell();
  });
  show();
  return {
    node: root,
    value: () => points,
    refresh(site) {
      const first = site.chosen.find((one) => one.state === "live") ?? null;
      if (first?.id === camera) return;
      camera = first?.id ?? null;
      image.hidden = camera === null;
      if (camera) image.src = `/api/v1/cameras/${part(camera)}/snapshot.jpg?size=m`;
    },
  };
}
