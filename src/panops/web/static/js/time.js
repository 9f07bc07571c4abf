// Times on a 24 h clock in the site's time zone (the browser's own where the site names none).

import { locale, t } from "./messages.js";

let zone;
let formats = {};

/** Use the site's IANA time zone; an unknown one leaves the browser's. */
export function setTimezone(name) {
  try {
    zone = name ? new Intl.DateTimeFormat("en-GB", { timeZone: name }).resolvedOptions().timeZone : undefined;
  } catch {
    zone = undefined;
  }
  formats = {};
}

function format(key, options, language = locale) {
  formats[key] ??= new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options });
  return formats[key];
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** `14:02:09`. */
export const clock = (at_s) => format("clock", TIME, "en-GB").format(at_s * 1000);

/** `Tue 28 Jul 2026, 14:02:09`. */
export const moment = (at_s) => `${format("date", { weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(at_s * 1000).replaceAll(",", "")}, ${clock(at_s)}`;

/** `2026-07-28`, for grouping by day and for inputs. */
export const dayKey = (at_s) => format("key", { year: "numeric", month: "2-digit", day: "2-digit" }, "en-GB").format(at_s * 1000).split("/").reverse().join("-");

/** `Today`, `Yesterday` or `Tuesday 28 July`. */
export function dayName(at_s) {
  const now = Date.now() / 1000;
  const key = dayKey(at_s);
  if (key === dayKey(now)) return t("Today");
  if (key === dayKey(now - 86400)) return t("Yesterday");
  const year = key.slice(0, 4) === dayKey(now).slice(0, 4) ? undefined : "numeric";
  return format(`day${year}`, { weekday: "long", day: "numeric", month: "long", year }).format(at_s * 1000).replace(",", "");
}

/** `14:02` today, `28 Jul 14:02` on other days: for lists without day headings. */
export function short(at_s) {
  if (dayKey(at_s) === dayKey(Date.now() / 1000)) return clock(at_s);
  return `${format("md", { day: "numeric", month: "short" }).format(at_s * 1000)} ${clock(at_s).slice(0, 5)}`;
}

/** `14:02` today, `28 Jul 14:02` on other days. */
export const minute = (at_s) => (dayKey(at_s) === dayKey(Date.now() / 1000) ? clock(at_s).slice(0, 5) : short(at_s));

/** `2026-07-28T14:02` of the site's wall clock, as a datetime-local input has it. */
export const toInput = (at_s) => `${dayKey(at_s)}T${clock(at_s).slice(0, 5)}`;

/** Epoch seconds of a wall-clock text of the site, such as `2026-07-28T14:02`; null when it is not one. */
export function fromInput(text) {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?/.exec(text ?? "");
  if (!match) return null;
  const [year, month, day, hour, minute] = match.slice(1).map((digits) => Number(digits ?? 0));
  const wanted_s = Date.UTC(year, month - 1, day, hour, minute) / 1000;
  // What the zone's clock shows at a guess tells how far off the guess is; twice, for days when the clocks change.
  let guess_s = wanted_s;
  for (let round = 0; round < 2; round += 1) {
    const [shownDay, shownTime] = [dayKey(guess_s), clock(guess_s)];
    guess_s += wanted_s - Date.parse(`${shownDay}T${shownTime}Z`) / 1000;
  }
  return guess_s;
}

/** `3 s ago`, `5 min ago`. */
export function ago(at_s) {
  const past = Math.max(0, Date.now() / 1000 - at_s);
  if (past < 60) return t("{count} s ago", { count: Math.round(past) });
  if (past < 3600) return t("{count} min ago", { count: Math.round(past / 60) });
  if (past < 86400) return t("{count} h ago", { count: Math.round(past / 3600) });
  return t("{count} d ago", { count: Math.round(past / 86400) });
}
