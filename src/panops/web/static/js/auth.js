// The sign-in and first-run pages.

import { api, get, nextPage } from "./api.js";
import { byId, fill, h, icon } from "./dom.js";
import { t } from "./messages.js";

const PROBLEMS = {
  provider: t("The sign-in at the provider did not work. Try again; the server's log says more."),
  account: t("The provider knows you, but you have no access here. Ask an administrator."),
};
const form = byId("login") ?? byId("setup");
const first = form.id === "setup";
const wrong = byId("wrong");
const submit = byId("submit");

function complain(text) {
  fill(wrong, icon("alarm"), h("span", {}, text));
  wrong.hidden = false;
}

function complainAt(fields) {
  for (const input of form.querySelectorAll(".input")) {
    input.removeAttribute("aria-invalid");
    input.closest(".field").querySelector(".problem")?.remove();
    const problem = fields.find((one) => one.field.split(".").pop() === input.name);
    if (!problem) continue;
    input.setAttribute("aria-invalid", "true");
    input.closest(".field").append(h("p", { class: "problem", role: "alert" }, icon("alarm", true), problem.message));
    if (input.name === "code") byId("code-field").hidden = false;
  }
}

/** Counts a refusal for too many attempts down, and lets people try again when it is over. */
function waitOut(seconds) {
  submit.disabled = true;
  const tick = () => {
    if (seconds <= 0) {
      submit.disabled = false;
      wrong.hidden = true;
      return;
    }
    complain(t("Too many attempts. Try again in {seconds} s.", { seconds: Math.ceil(seconds) }));
    seconds -= 1;
    setTimeout(tick, 1000);
  };
  tick();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.hidden = true;
  const { username, password, code } = Object.fromEntries(new FormData(form));
  const missing = [["username", username, t("Please enter a user name.")], ["password", password, t("Please enter the password.")]]
    .filter(([, value]) => !value).map(([field, , message]) => ({ field, message }));
  complainAt(missing);
  if (missing.length) {
    form.elements[missing[0].field].focus();
    return;
  }
  submit.disabled = true;
  try {
    await api("POST", first ? "/setup" : "/session", { username: username.trim(), password, ...(code ? { code: code.trim() } : {}) }, { anonymous: true });
    location.replace(first ? "/" : nextPage(location.search));
  } catch (error) {
    submit.disabled = false;
    if (error.status === 429) return void waitOut(error.retryAfter || 30);
    if (first && error.status === 409) return void location.replace("/login");
    complainAt(!first && !code ? error.fields.filter((one) => one.field !== "code") : error.fields);
    if (!first && !code && error.fields.some((one) => one.field === "code")) {
      // The password is right: now the second step, which is no fault of anybody.
      byId("code-field").hidden = false;
      for (const name of ["username", "password"]) form.elements[name].closest(".field").hidden = true;
      return void form.elements.code.focus();
    }
    // Without a field to stand at, the fault is told above the button. A refused set-up means that the code is asked for.
    if (first && error.status === 403) byId("code-field").hidden = false;
    if (!form.querySelector("[aria-invalid]")) complain(error.message);
    (form.querySelector("[aria-invalid]") ?? form.elements.password).focus();
  }
});

for (const button of document.querySelectorAll("[data-reveal]")) {
  button.addEventListener("click", () => {
    const input = byId(button.dataset.reveal);
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
}

try {
  const setup = await get("/setup", { anonymous: true });
  if (setup.user) location.replace(first ? "/" : nextPage(location.search));
  else if (setup.needed !== first) location.replace(setup.needed ? "/setup" : "/login");
  if (!first && setup.provider) {
    const search = new URLSearchParams(location.search);
    byId("provider").href = `/api/v1/oidc/begin?next=${encodeURIComponent(nextPage(location.search))}`;
    byId("provider").lastElementChild.textContent = t("Sign in with {provider}", { provider: setup.provider });
    byId("provider").hidden = false;
    const problem = PROBLEMS[search.get("problem")];
    if (problem) complain(problem);
  }
  if (first && setup.code_needed) byId("code-field").hidden = false;
} catch (error) {
  complain(error.message);
}
