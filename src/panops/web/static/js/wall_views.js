// Saved views of the wall: the menu of them, and the one that the address names.

import { get } from "./api.js";
import { byId, fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { toast } from "./shell.js";

/** The number of the view that the address names, 0 for none. */
const chosen = () => Number(new URLSearchParams(location.search).get("view")) || 0;

/** Fills the menu; answers the view to show, or null. `now()` gives how the wall stands: `{cameras, group, columns}`. */
export async function savedViews(can, now) {
  const { views } = await get("/views").catch((error) => {
    toast(t("The saved views could not be read: {reason}", { reason: error.message }), "red");
    return { views: [] };
  });
  const view = views.find((one) => one.id === chosen()) ?? null;
  if (chosen() && !view) toast(t("There is no such view, or you may not see it"), "red");
  const edit = async (of) => {
    byId("views").hidePopover();
    (await import("./view_form.js")).viewForm(of, now(), can("admin"));
  };
  const link = (one) => h("a", { class: "button plain", href: `/?view=${one.id}`, "aria-current": one === view ? "page" : null }, icon(one === view ? "check" : "live"), h("span", { class: "ellipsis" }, one.name));
  const part = (title, list) => (list.length ? [h("h2", { class: "label" }, title), list.map(link)] : []);
  fill(byId("views"),
    h("a", { class: "button plain", href: "/", "aria-current": view ? null : "page" }, icon(view ? "live" : "check"), t("All cameras")),
    part(t("Yours"), views.filter((one) => !one.shared)).flat(), part(t("For everybody"), views.filter((one) => one.shared)).flat(),
    h("hr"),
    view?.may_change ? h("button", { class: "button plain", type: "button", id: "change-view", onclick: () => edit(view) }, icon("edit"), h("span", { class: "ellipsis" }, t("Change “{name}”", { name: view.name }))) : null,
    h("button", { class: "button plain", type: "button", id: "save-view", onclick: () => edit(null) }, icon("plus"), t("Save a view")));
  if (view) {
    byId("view-name").textContent = view.name;
    document.title = `${view.name} · panops`;
  }
  return view;
}
