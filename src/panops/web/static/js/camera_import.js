// Many cameras from a file: looked over first, then added. Loaded when it is opened.

import { api } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { n, t } from "./messages.js";
import { toast } from "./shell.js";
import { plural } from "./things.js";

const LARGEST = 768 * 1024;
const MARKS = { new: ["accent", "plus", t("new")], same: ["green", "ok", t("is there")], different: ["amber", "info", t("stays as it is")] };

/** Opens the dialog; `added` is called after cameras were added. */
export function importCameras(added) {
  let body = null;
  const file = h("input", { class: "input", id: "import-file", type: "file", accept: ".csv,.txt,.yml,.yaml" });
  const found = h("div", { class: "import-found", id: "import-found", tabindex: "0", role: "region", "aria-label": t("What would be added"), "aria-live": "polite" });
  const add = h("button", { class: "button primary", id: "import-add", disabled: true }, icon("plus"), t("Add"));
  const close = () => { dialog.close(); dialog.remove(); };
  const form = h("form", { method: "dialog" }, h("h2", {}, t("Import cameras")),
    h("div", { class: "field" }, h("label", { for: "import-file" }, t("A table (.csv), or Frigate’s config.yml")), file,
      h("p", { class: "hint" }, t("The table’s first row names its columns: source, and if you like id, name, username, password, check_fps, classes. Nothing is added before you have seen what it would be, and no camera that is there is changed."))),
    found, h("div", { class: "row end" }, h("button", { class: "button", type: "button", onclick: close }, t("Cancel")), add));
  const dialog = h("dialog", { class: "dialog import", "aria-label": t("Import cameras"), oncancel: close }, form);

  const complain = (message, faults = []) => fill(found, h("div", { class: "notice alarm", role: "alert" }, icon("alarm"), h("div", {}, h("p", {}, message),
    faults.length ? h("ul", { class: "import-list" }, faults.map((one) => h("li", {}, h("b", {}, one.field), ` ${one.message}`))) : null)));

  function show(plan) {
    add.disabled = !plan.added_cameras && !plan.added_rules;
    const row = ({ state, id }, more) => h("li", {}, h("span", { class: `chip ${MARKS[state][0]}` }, icon(MARKS[state][1], true), MARKS[state][2]), h("b", {}, id), h("span", { class: "muted" }, more));
    fill(found,
      h("p", {}, add.disabled ? t("Nothing to add: all of it is there.") : t("Would add {cameras} and {rules}.", { cameras: plural(plan.added_cameras, "camera"), rules: plural(plan.added_rules, "rule") })),
      h("ul", { class: "import-list" }, plan.cameras.map((one) => row(one, [one.address, ...one.zones.map((zone) => t("zone {zone}", { zone }))].join(" · "))),
        plan.rules.map((one) => row(one, `${one.kind}: ${one.classes.join(", ")}`))),
      plan.left_out.length ? h("details", {}, h("summary", {}, n("{count} thing left out or done otherwise", "{count} things left out or done otherwise", plan.left_out.length)),
        h("ul", { class: "import-list" }, plan.left_out.map((one) => h("li", {}, h("b", {}, one.line ? t("line {line}", { line: one.line }) : ""), ` ${one.field}: ${one.message}`)))) : null);
  }

  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    body = null;
    add.disabled = true;
    if (!chosen) return fill(found);
    if (chosen.size > LARGEST) return complain(t("The file is larger than 768 KiB."));
    const read = { file_name: chosen.name, file_text: await chosen.text() };
    try {
      const plan = await api("POST", "/cameras/import?dry_run=true", read);
      if (file.files[0] !== chosen) return undefined; // another one was chosen meanwhile
      body = read;
      show(plan);
    } catch (error) {
      complain(error.message, error.fields);
    }
    return undefined;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!body) return;
    add.disabled = true;
    try {
      const done = await api("POST", "/cameras/import?dry_run=false", body);
      close();
      toast(t("Added {cameras} and {rules}", { cameras: plural(done.added_cameras, "camera"), rules: plural(done.added_rules, "rule") }));
      added();
    } catch (error) {
      complain(error.message, error.fields);
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
