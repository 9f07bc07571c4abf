// Sends a picture as it is, and tells what came of it; the answer of a refusal says more than its sentence.

import { toLogin } from "./api.js";
import { t } from "./messages.js";

/** Answers `{ok, body}`: the answer's JSON, or the problem that the server told. */
export async function send(path, file) {
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file });
  } catch {
    return { ok: false, body: { detail: t("The server does not answer. Check that panops is running and that this device is connected.") } };
  }
  if (answer.status === 401) {
    toLogin();
    return new Promise(() => {}); // the page is being left: nothing after this should run
  }
  try {
    return { ok: answer.ok, body: await answer.json() };
  } catch {
    return { ok: false, body: { detail: t("The server answered {status} without saying why.", { status: answer.status }) } };
  }
}
