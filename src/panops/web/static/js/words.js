// Stable words of the API about events -> words for people, with the colour and symbol that go with them; quantities.

import { decimal, t } from "./messages.js";
import { plain } from "./things.js";

export { className, plain, plural } from "./things.js";

const KINDS = {
  intrusion: { word: t("Intrusion"), icon: "person" },
  line_crossing: { word: t("Line crossed"), icon: "line" },
  loitering: { word: t("Loitering"), icon: "loiter" },
  occupancy: { word: t("Occupancy"), icon: "people" },
  direction: { word: t("Wrong way"), icon: "next" },
  crowding: { word: t("Crowd"), icon: "people" },
  object_left: { word: t("Object left"), icon: "object" },
  object_removed: { word: t("Object removed"), icon: "object" },
  speed: { word: t("Too fast"), icon: "speed" },
  tailgating: { word: t("Tailgating"), icon: "people" },
  absence: { word: t("Nobody there"), icon: "absent" },
  dwell: { word: t("Visit"), icon: "clock" },
  combined: { word: t("Combination"), icon: "combined" },
  hands_up: { word: t("Hands up"), icon: "handsup" },
  lying: { word: t("Lying person"), icon: "lying" },
  fall: { word: t("Fall"), icon: "lying" },
  identity: { word: t("Who it is"), icon: "person" },
  area: { word: t("Area"), icon: "zone" },
  gesture: { word: t("Hand sign"), icon: "handsup" },
  waving: { word: t("Waving"), icon: "handsup" },
  climbing: { word: t("Climbing"), icon: "handsup" },
  camera_blind: { word: t("No picture"), icon: "unplug" },
  camera_covered: { word: t("Camera covered"), icon: "warning" },
  camera_moved: { word: t("Camera moved"), icon: "warning" },
  camera_frozen: { word: t("Frozen picture"), icon: "frozen" },
  camera_drift: { word: t("Camera changed"), icon: "info" },
  camera_out_of_focus: { word: t("Out of focus"), icon: "warning" },
  compliance: { word: t("Not worn"), icon: "helmet" },
};
export const KIND_NAMES = Object.keys(KINDS);
/** The kinds that happen at a line and not in a zone. */
export const LINE_KINDS = new Set(["line_crossing", "tailgating"]);

/** `{word, icon}` of an event kind. */
export const kindOf = (kind) => KINDS[kind] ?? { word: plain(kind) || t("Event"), icon: "events" };

const SEVERITIES = { alarm: { word: t("Alarm"), tone: "red", icon: "alarm" }, warning: { word: t("Warning"), tone: "amber", icon: "warning" }, info: { word: t("Info"), tone: "accent", icon: "info" } };
export const severityOf = (severity) => SEVERITIES[severity] ?? { word: plain(severity), tone: "grey", icon: "info" };

const STATUSES = { new: { word: t("New"), tone: "accent", icon: "events" }, acknowledged: { word: t("Acknowledged"), tone: "green", icon: "check" }, true_alarm: { word: t("True alarm"), tone: "green", icon: "alarm" }, false_alarm: { word: t("False alarm"), tone: "grey", icon: "flag" } };
export const statusOf = (status) => STATUSES[status] ?? { word: plain(status), tone: "grey", icon: "info" };

const STEPS = { persistence: t("Seen often enough"), background: t("Differs from the empty scene"), displacement: t("Moved"), size: t("Size fits the place"), light: t("No change of the light"), static_memory: t("Not known from before"), time_prior: t("Time of day"), feedback: t("Unlike marked false alarms"), second_look: t("Found again") };
/** What a step of the chain asks, as a heading. */
export const stepWord = (step) => STEPS[step] ?? plain(step);

/** The API's messages begin small, to stand after a colon in a log; on a page they are sentences. What begins with an address or a name keeps it as it is. */
export function sentence(text) {
  const whole = String(text);
  const word = /^\p{L}+(?:['’]s)?[,;:]?(?=\s|$)/u.test(whole) && !/^panops\b/.test(whole);
  return (word ? whole.charAt(0).toUpperCase() + whole.slice(1) : whole) + (/[.!?…]$/.test(whole) ? "" : ".");
}

/** Where and by which rule: the zone or line of an event. */
export const placeOf = (event) => event.zone || t("Whole picture");
/** `Zone` or `Line`. */
export const placeWord = (event) => (LINE_KINDS.has(event.kind) ? t("Line") : t("Zone"));

/** How long an event lasted, empty for one of a moment or one that goes on. */
export const lasted = (event) => (event.ended_at_s === null || event.ended_at_s - event.started_at_s < 0.05 ? "" : duration(event.ended_at_s - event.started_at_s));

const CODECS = { h264: "H.264", hevc: "H.265", h265: "H.265", mjpeg: "MJPEG" };
export const codec = (name) => CODECS[name] ?? name.toUpperCase();
export const percent = (share) => t("{count} %", { count: Math.round(share * 100) });

/** 90 -> `1 min 30 s`. */
export function duration(seconds) {
  if (seconds < 9.95) return t("{count} s", { count: decimal(seconds, Number(seconds.toFixed(1)) % 1 ? 1 : 0) });
  const whole = Math.round(seconds);
  const [days, hours, minutes, rest] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (days) return t("{days} d {hours} h", { days, hours });
  if (hours) return t("{hours} h {minutes} min", { hours, minutes });
  if (minutes) return rest ? t("{minutes} min {rest} s", { minutes, rest }) : t("{count} min", { count: minutes });
  return t("{count} s", { count: rest });
}

/** 1536 -> `1.5 KiB`. */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = Number(count) || 0;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : decimal(value, value >= 100 ? 0 : 1)} ${units[unit]}`;
}

export const whole = (count) => decimal(Math.round(count));
