// The form of a saved view: its name, which cameras in which order, grid, turning pages, for whom.

import { ask, choice, field } from "./access.js";
import { api, get } from "./api.js";
import { h, icon } from "./dom.js";
import { n, t } from "./messages.js";
import { confirm, toast } from "./shell.js";

const GRIDS = [["", t("As many as show all")], ...[1, 2, 3, 4, 6, 8].map((side) => [String(side), `${side} × ${side}`])];
const seconds = (count) => [String(count), n("Every second", "Every {count} seconds", count)];
const minutes = (count) => [String(60 * count), n("Every minute", "Every {count} minutes", count)];
const TURNS = [["", t("No, the wall scrolls")], ...[5, 10, 15, 20, 30].map(seconds), ...[1, 2, 5].map(minutes)];
const MANY = 12;

/** Rows of all cameras, those that are chosen first and in their order; `read()` gives their ids. */
function order(cameras, ids) {
  const rest = cameras.filter((one) => !ids.includes(one.id)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const list = h("ol", { class: "order" });
  const step = (row, by, symbol, label) => h("button", { class: "button plain square", type: "button", "aria-label": label, title: label, onclick: ({ currentTarget }) => {
    const rows = [...list.children].filter((one) => one.matches("[data-on]"));
    const other = rows[rows.indexOf(row) + by];
    if (other) other[by < 0 ? "before" : "after"](row);
    paint();
    currentTarget.focus();
  } }, icon(symbol));
  const paint = () => {
    const rows = [...list.children];
    const on = rows.filter((row) => row.matches("[data-on]"));
    for (const row of rows) {
      row.up.disabled = !on.includes(row) || row === on[0];
      row.down.disabled = !on.includes(row) || row === on.at(-1);
    }
  };
  const add = (camera, checked) => {
    const row = h("li", { data: { id: camera.id } });
    const tick = h("input", { type: "checkbox", checked, onchange: () => {
      const last = [...list.querySelectorAll("[data-on]")].filter((one) => one !== row).at(-1);
      row.toggleAttribute("data-on", tick.checked);
      if (last) last.after(row);
      else list.prepend(row);
      paint();
      tick.focus();
    } });
    row.toggleAttribute("data-on", checked);
    [row.up, row.down] = [step(row, -1, "prev", t("{camera} earlier", { camera: camera.name })), step(row, 1, "next", t("{camera} later", { camera: camera.name }))];
    row.append(h("label", { class: "tick" }, tick, h("span", { class: "ellipsis" }, camera.name)), row.up, row.down);
    list.append(row);
  };
  const known = new Map(cameras.map((camera) => [camera.id, camera]));
  for (const id of ids) if (known.has(id)) add(known.get(id), true);
  for (const camera of rest) add(camera, false);
  const search = h("input", { class: "input", type: "search", placeholder: t("Find a camera"), "aria-label": t("Find a camera"), oninput: () => {
    const text = search.value.trim().toLowerCase();
    for (const row of list.children) row.hidden = text !== "" && !row.textContent.toLowerCase().includes(text);
  } });
  paint();
  return { root: h("div", { class: "stack", role: "group", "aria-label": t("Cameras") }, cameras.length > MANY ? search : null, list), read: () => [...list.querySelectorAll("[data-on]")].map((row) => row.dataset.id) };
}

/** Asks for a view: `of` is changed, null makes one of the wall as it stands, `now`. `shares`: whether it may be for everybody. */
export async function viewForm(of, now, shares) {
  let etag = "";
  let answers;
  try {
    answers = await Promise.all([get("/cameras"), get("/groups"), of ? api("GET", `/views/${of.id}`, undefined, { onHeaders: (headers) => { etag = headers.get("etag"); } }) : null]);
  } catch (error) {
    toast(t("The view cannot be edited: {reason}", { reason: error.message }), "red");
    return;
  }
  const [{ cameras }, { groups }, stored] = answers;
  const view = stored ?? { name: "", turn_s: null, shared: false, ...now };
  const name = h("input", { class: "input", value: view.name, maxlength: 60, autocomplete: "off", required: true });
  const what = choice([["all", t("All cameras")], ...groups.map((group) => [`group ${group.name}`, t("Group {name}", { name: group.name })]), ["some", t("Cameras chosen here")]],
    view.cameras.length || view.gone ? "some" : view.group ? `group ${view.group}` : "all");
  const chosen = order(cameras, view.cameras.length ? view.cameras : []);
  const grid = choice(GRIDS, String(view.columns ?? ""));
  const turns = TURNS.some(([value]) => value === String(view.turn_s ?? "")) ? TURNS : [...TURNS, seconds(view.turn_s)];
  const turn = choice(turns, String(view.turn_s ?? ""));
  const shared = h("input", { type: "checkbox", checked: view.shared });
  const paint = () => { chosen.root.hidden = what.value !== "some"; };
  what.addEventListener("change", paint);
  paint();
  const remove = async () => {
    if (!(await confirm(t("Delete the view “{name}”?", { name: view.name }), view.shared ? t("It goes for everybody. The cameras stay.") : t("The cameras stay."), t("Delete")))) return;
    try {
      await api("DELETE", `/views/${of.id}`, undefined, { headers: { "If-Match": etag } });
      location.href = "/";
    } catch (error) {
      toast(t("Not deleted: {reason}", { reason: error.message }), "red");
    }
  };
  const save = async () => {
    const ids = what.value === "some" ? chosen.read() : [];
    if (what.value === "some" && !ids.length) {
      const message = t("Choose at least one camera.");
      throw Object.assign(new Error(message), { fields: [{ field: "shows", message }] });
    }
    const body = {
      name: name.value, cameras: ids, group: what.value.startsWith("group ") ? what.value.slice(6) : null,
      columns: grid.value ? Number(grid.value) : null, turn_s: turn.value ? Number(turn.value) : null, shared: shared.checked,
    };
    const saved = of ? await api("PUT", `/views/${of.id}`, body, { headers: { "If-Match": etag } }) : await api("POST", "/views", body);
    location.href = `/?view=${saved.id}`;
  };
  ask(of ? t("Change the view") : t("Save a view"), t("Save"), [
    field("name", t("Name"), name), field("shows", t("Shows"), what), chosen.root, field("columns", t("Grid"), grid),
    field("turn_s", t("Turns pages"), turn, t("Where there are more cameras than the grid holds. Phones scroll.")),
    shares ? h("label", { class: "tick" }, shared, h("span", {}, t("For everybody: each sees those of its cameras that they may see"))) : null,
  ], save, of ? h("button", { class: "button danger", type: "button", onclick: remove }, icon("trash"), t("Delete")) : null);
  name.focus();
}
