// The one way to the HTTP API: JSON in and out, errors as RFC 9457 problems, sign-in when the session is over.

import { t } from "./messages.js";
import { sentence } from "./words.js";

/** What went wrong, in words for people: `message`; `status` 0 means that the server did not answer. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(sentence(problem.detail || problem.title || t("The server answered {status}", { status })));
    this.status = status;
    this.fields = (Array.isArray(problem.errors) ? problem.errors : []).map(({ field, message }) => ({ field, message: sentence(message) }));
    this.retryAfter = retryAfter;
  }
}

let leaving = false;

/** Leaves for the first run's page. */
export function toSetup() {
  leaving = true;
  location.replace("/setup");
}

/** Leaves for the sign-in page and comes back here afterwards. */
export function toLogin() {
  if (leaving) return;
  const here = location.pathname + location.search;
  location.replace(here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`);
}

/** Only a path of this very site may follow a sign-in. */
export function nextPage(search) {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}

/**
 * Asks the API. Answers the JSON, or null for 204. What `early.js` has asked already is not asked again.
 * `anonymous` keeps a 401 from leading to the sign-in page; `signal` aborts; `onHeaders` gets the headers of a good answer.
 */
export async function api(method, path, body, { signal, headers = {}, anonymous = false, onHeaders = null } = {}) {
  let answer;
  try {
    const early = method === "GET" && !signal?.aborted ? window.takeEarly?.(path) : null;
    if (early) signal?.addEventListener("abort", early.abort, { once: true });
    answer = await (early?.answer ?? fetch(`/api/v1${path}`, {
      method,
      signal,
      cache: "no-store",
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    }));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: t("The server does not answer. Check that panops is running and that this device is connected.") });
  }
  if (answer.status === 401 && !anonymous) {
    toLogin();
    return new Promise(() => {}); // the page is being left: nothing after this should run
  }
  if (answer.ok) onHeaders?.(answer.headers);
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    problem = { detail: t("The server answered {status} without saying why.", { status: answer.status }) };
  }
  throw new ApiError(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}

export const get = (path, options) => api("GET", path, undefined, options);

/** A path segment or query value that came from data. */
export const part = encodeURIComponent;

/** A query string of what is set; arrays repeat their key. */
export function query(values) {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) pairs.append(key, one);
    }
  }
  const text = pairs.toString();
  return text ? `?${text}` : "";
}

/** Ends the session, or all of one's own by `/sessions`. Who signs out does not come back to this page by signing in again. */
export async function signOut(path = "/session") {
  leaving = true; // the socket's end, which may be told first, must not lead back here
  try {
    await api("DELETE", path);
  } catch (error) {
    leaving = false;
    throw error;
  }
  location.replace("/login");
}
