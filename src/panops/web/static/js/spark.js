// A small line of the last minutes, as SVG.

const SVG = "http://www.w3.org/2000/svg";

/** Remembers at most `most` values and draws them; `root` is the SVG element. */
export class Spark {
  values = [];

  constructor(label, most = 60) {
    this.most = most;
    this.root = document.createElementNS(SVG, "svg");
    for (const [key, value] of [["class", "spark"], ["viewBox", "0 0 100 30"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", label]]) this.root.setAttribute(key, value);
    [this.area, this.line] = ["area", "line"].map((name) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      return path;
    });
    this.root.append(this.area, this.line);
  }

  /** The newest value; a floor of 0 and a little air above. */
  add(value) {
    this.values = [...this.values, value].slice(-this.most);
    if (this.values.length < 2) return;
    const top = Math.max(...this.values) * 1.15 || 1;
    const points = this.values.map((one, at) => `${(100 - ((this.values.length - 1 - at) * 100) / (this.most - 1)).toFixed(2)} ${(29 - (one / top) * 27).toFixed(2)}`);
    this.line.setAttribute("d", `M${points.join("L")}`);
    this.area.setAttribute("d", `M${points[0].split(" ")[0]} 30L${points.join("L")}L100 30Z`);
  }
}
