// Small pieces of SVG: elements, words, and a tripwire's sides.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element; null and false are left out. */
export function s(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== false && value !== undefined) node.setAttribute(key, value);
  node.append(...children.filter(Boolean));
  return node;
}

/** A word at a place. */
export function label(kind, text, x, y) {
  const node = s("text", { class: kind, x: x.toFixed(1), y: y.toFixed(1) });
  node.textContent = text;
  return node;
}

/** The letters of the sides and an arrow from A to B at a line's middle, px: walking from its first point, A is on the left hand. */
export function sides(points) {
  const half = Math.floor((points.length - 1) / 2);
  const [[x1, y1], [x2, y2]] = [points[half], points[half + 1]];
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [nx, ny] = [(y2 - y1) / length, -(x2 - x1) / length];
  const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const at = (along, across) => `${(mx + nx * along - ny * across).toFixed(1)} ${(my + ny * along + nx * across).toFixed(1)}`;
  const letter = (text, along) => label("side", text, mx + nx * along - 5, my + ny * along + 5);
  return [s("path", { class: "arrow", d: `M${at(14, 0)}L${at(-14, 0)}M${at(-6, -6)}L${at(-14, 0)}L${at(-6, 6)}` }), letter("A", 28), letter("B", -28)];
}
