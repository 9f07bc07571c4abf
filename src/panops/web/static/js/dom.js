// Making elements. Text only ever goes in as text nodes: nothing from the server is parsed as HTML.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "muted", "open", "selected", "required", "loop"]);
const SVG = "http://www.w3.org/2000/svg";

/** `h("button", {class: "button", onclick: fn}, "Save")`; false, null and undefined are left out. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (PROPERTIES.has(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...kids(children));
  return node;
}

/** The children that are there, flattened one level. */
export function kids(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what is in `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...kids(children));
  return node;
}

/** A symbol of the sprite; `small` is the size beside small text. */
export function icon(name, small = false) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", small ? "icon small" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** The size of pictures in lists, as the API calls it. Only whoever opens an event looks at the proof itself, and the audit log says so. */
export const GLANCE = devicePixelRatio > 1.5 ? "m" : "s";

export const byId = (id) => document.getElementById(id);

/** What a page shows when there is nothing, or something is wrong. */
export function empty(symbol, title, text, actions = [], bad = false) {
  return h("div", { class: bad ? "empty bad" : "empty", role: bad ? "alert" : null },
    h("div", { class: "emblem" }, icon(symbol)), h("h2", {}, title), h("p", {}, text),
    actions.length ? h("div", { class: "actions" }, actions) : null);
}

/** A term list from `[[term, value or element], ...]`; empty values are left out. */
export function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
}

/** True while the user is typing, so that letter shortcuts keep quiet. */
export function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog, [popover]") !== null;
}

/** A remembered choice of this browser; storage may be forbidden. */
export const memory = {
  get(key, fallback) {
    try {
      return localStorage.getItem(`panops.${key}`) ?? fallback;
    } catch {
      return fallback;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`panops.${key}`, value);
    } catch {
      // The choice holds until the page is left.
    }
  },
};
