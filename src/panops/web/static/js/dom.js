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

/** What tells an element from its siblings, for it to be found again when it was drawn anew. */
const sameness = (one, root) => {
  const holder = one.parentElement.closest("[data-id], [data-user], [data-token], [data-rule], [data-version], [data-sink], [data-place], [data-group], tr, li, article");
  const within = holder && root.contains(holder) && holder !== root ? JSON.stringify(holder.dataset) : "";
  return [one.tagName, one.id, one.getAttribute("aria-label"), one.name, one.type === "checkbox" || one.tagName === "SELECT" ? "" : one.textContent, JSON.stringify(one.dataset), within].join();
};

/** Replaces what is in `node`. Who is in it by keyboard stays at the same thing, or at `node` where that is gone. */
export function fill(node, ...children) {
  const focused = document.activeElement;
  const inside = focused && focused !== node && node.contains(focused);
  const same = inside ? sameness(focused, node) : "";
  node.replaceChildren(...kids(children));
  if (!inside) return node;
  const again = focused.isConnected ? focused : [...node.querySelectorAll(focused.tagName)].find((one) => sameness(one, node) === same);
  if (again) again.focus({ preventScroll: true });
  if (document.activeElement !== document.body || node.checkVisibility?.() === false) return node;
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
  return node;
}

/** A button cannot be pressed while `work` is done; who pressed it is still at it afterwards. */
export async function whileBusy(button, work) {
  const held = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
    if (held && document.activeElement === document.body) button.focus({ preventScroll: true });
  }
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
