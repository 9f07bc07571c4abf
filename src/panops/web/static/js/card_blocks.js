// A model card's blocks as elements.

import { facts, h } from "./dom.js";
import { t } from "./messages.js";

const table = ({ head, rows }) => h("div", { class: "figures-table", tabindex: 0, role: "region", "aria-label": t("Figures") },
  h("table", {}, h("thead", {}, h("tr", {}, head.map((cell, at) => h("th", { class: at ? "number" : null }, cell)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, at) => h("td", { class: at ? "number" : null }, cell)))))));

const KINDS = {
  heading: ({ level, text }) => h(level > 2 ? "h5" : "h4", {}, text),
  paragraph: ({ text }) => h("p", { class: "muted" }, text),
  facts: ({ rows }) => facts(rows),
  table,
  verbatim: ({ title, text }) => h("details", {}, h("summary", {}, title), h("pre", { tabindex: 0 }, text)),
};

/** The card without its own title, which stands above it. */
export const cardBlocks = (blocks) => blocks.filter((block) => block.kind !== "heading" || block.level > 1).map((block) => KINDS[block.kind]?.(block));
