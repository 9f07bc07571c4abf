// Cameras that the network tells of, for the form on which one is added. Loaded when it is opened.

import { api } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { n, t } from "./messages.js";

/** Opens the dialog; `picked` is called with the stream, the camera and the login that was used. */
export function findCameras(picked) {
  const field = (id, label, type = "text") => h("div", { class: "field" }, h("label", { for: id }, label), h("input", { class: "input", id, type, autocomplete: type === "password" ? "new-password" : "off", autocapitalize: "none", spellcheck: "false" }));
  const found = h("div", { class: "import-found", id: "found", tabindex: "0", role: "region", "aria-label": t("Cameras found"), "aria-live": "polite" });
  const ask = h("button", { class: "button primary", id: "found-ask" }, icon("search"), t("Search"));
  const close = () => { dialog.close(); dialog.remove(); };
  const form = h("form", { method: "dialog" }, h("h2", {}, t("Find cameras on the network")),
    h("div", { class: "pair" }, field("found-user", t("User name")), field("found-secret", t("Password"), "password")),
    h("p", { class: "hint muted" }, t("Most ONVIF cameras tell their streams only to a user of theirs. A digest of the password goes to every device that answers, so use one that is for cameras only.")),
    found, h("div", { class: "row end" }, h("button", { class: "button", type: "button", onclick: close }, t("Cancel")), ask));
  const dialog = h("dialog", { class: "dialog import", "aria-label": t("Find cameras on the network"), oncancel: close }, form);

  function choose(camera, stream, login) {
    close();
    picked(stream, camera, login);
  }

  const words = ({ codec, size_wh: [width, height], rate_fps: rate }) => [codec.toUpperCase(), width && `${width} × ${height}`, rate && `${rate} /s`].filter(Boolean).join(", ");

  function show(cameras, login) {
    fill(found, h("p", {}, cameras.length ? n("{count} camera answered.", "{count} cameras answered.", cameras.length) : t("Nobody answered. Multicast does not cross routers, nor Docker’s bridge network; the address can still be typed.")),
      cameras.map((camera) => h("section", { class: "found" }, h("strong", {}, camera.name || camera.host), h("p", { class: "muted" }, [camera.host, camera.hardware, camera.location].filter(Boolean).join(" · ")),
        camera.problem ? h("p", { class: "problem" }, icon("alarm", true), camera.problem) : null,
        camera.streams.map((stream) => h("button", { class: "button", type: "button", onclick: () => choose(camera, stream, login) }, icon("plus"), h("span", {}, stream.name, " ", h("span", { class: "muted" }, words(stream))))),
        !camera.problem && !camera.streams.length ? h("p", { class: "muted" }, t("It tells of no stream.")) : null)));
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const login = { user: form.elements["found-user"].value.trim(), secret: form.elements["found-secret"].value };
    ask.disabled = true;
    fill(found, h("p", {}, t("Asking the network …")));
    try {
      show((await api("POST", "/cameras/discover", { username: login.user, password: login.secret })).cameras, login);
    } catch (error) {
      fill(found, h("div", { class: "notice alarm", role: "alert" }, icon("alarm"), h("p", {}, error.message)));
    } finally {
      ask.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
