// The dialog in which people change their own password. Loaded when it is opened.

import { api } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./messages.js";
import { toast } from "./shell.js";

/** Opens the dialog. */
export function changePassword() {
  const field = (name, label, complete) => h("div", { class: "field" }, h("label", { for: name }, label),
    h("input", { class: "input", id: name, type: "password", autocomplete: complete, required: true }));
  const wrong = h("p", { class: "problem", role: "alert", hidden: true });
  const close = () => { dialog.close(); dialog.remove(); };
  const form = h("form", { method: "dialog" }, h("h2", {}, t("Change password")),
    field("old-password", t("Current password"), "current-password"), field("new-password", t("New password"), "new-password"), wrong,
    h("div", { class: "row end" }, h("button", { class: "button", type: "button", onclick: close }, t("Cancel")), h("button", { class: "button primary" }, t("Change it"))));
  const dialog = h("dialog", { class: "dialog", "aria-label": t("Change password"), oncancel: close }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await api("POST", "/password", { old: form.elements["old-password"].value, new: form.elements["new-password"].value });
      close();
      toast(t("Password changed"));
    } catch (error) {
      wrong.hidden = false;
      fill(wrong, icon("alarm", true), error.fields?.[0]?.message ?? error.message);
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
