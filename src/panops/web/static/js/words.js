// Stable words of the API -> words for people, with the colour and symbol that go with them.

import { decimal, t } from "./messages.js";
import { heading, plain } from "./things.js";

export { className, plain, plural } from "./things.js";

export const STATES = {
  starting: { word: t("Starting"), tone: "amber", icon: "clock", help: t("Connecting to the camera.") },
  live: { word: t("Live"), tone: "green", icon: "ok", help: "" },
  unreachable: { word: t("Unreachable"), tone: "red", icon: "unplug", help: t("Nothing answers at its address. Trying again."), advice: t("Check the address and port, that the camera has power, and that this machine can reach its network.") },
  unauthorized: { word: t("Wrong password"), tone: "red", icon: "lock", help: t("The camera refuses the user name or password."), advice: t("Check the user name and password. Many cameras have a separate account for video (RTSP or ONVIF).") },
  unsupported: { word: t("Not supported"), tone: "red", icon: "alarm", help: t("The stream is in a form that cannot be read."), advice: t("Set the camera's stream to H.264, H.265 or MJPEG.") },
  corrupt: { word: t("Damaged stream"), tone: "red", icon: "alarm", help: t("What arrives is not readable video."), advice: t("Check that the address is a video stream; over a weak network choose TCP.") },
  stalled: { word: t("Stalled"), tone: "amber", icon: "warning", help: t("Connected, but no pictures arrive any more. Trying again."), advice: t("Restart the camera, or check the network for losses.") },
  frozen: { word: t("Frozen picture"), tone: "amber", icon: "frozen", help: t("The very same picture keeps arriving."), advice: t("Restart the camera: its picture no longer changes.") },
  error: { word: t("Error"), tone: "red", icon: "alarm", help: t("Something went wrong with this camera."), advice: t("See the message, and the log of panops.") },
  ended: { word: t("Ended"), tone: "grey", icon: "check", help: t("The file has been played to its end.") },
  disabled: { word: t("Switched off"), tone: "grey", icon: "power", help: t("Switched off by an administrator.") },
};
const UNKNOWN_STATE = { word: t("Unknown"), tone: "grey", icon: "info", help: "" };

/** `{word, tone, icon, help, advice}` of a camera state. */
export const stateOf = (state) => STATES[state] ?? { ...UNKNOWN_STATE, word: plain(state) || UNKNOWN_STATE.word };

const ASLEEP = { word: t("Asleep"), tone: "green", icon: "moon", help: t("Nothing happens: only its keyframes are decoded, and it wakes when they change.") };

/** As `stateOf`, of a camera; one that is live may be asleep. */
export const conditionOf = (camera) => (camera.state === "live" && camera.asleep ? ASLEEP : stateOf(camera.state));

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

/** What a camera says is wrong, without its address in front: that stands elsewhere. */
export function trouble(camera) {
  const { message, address } = camera;
  return message ? sentence(address && message.startsWith(`${address}: `) ? message.slice(address.length + 2) : message) : stateOf(camera.state).help;
}

const CAUSES = { superseded: t("a newer picture came first"), stale: t("too old when its turn came"), queue_full: t("more came than could be decoded"), late: t("too late to be decoded"), overload: t("looked at less often, for want of time"), no_keyframe: t("no whole picture to begin from"), lost: t("the camera left parts out"), analysis_error: t("an error while it was looked at"), detector_error: t("the model failed"), device_error: t("the device that runs models failed"), late_for_device: t("the device could not answer in time"), device_full: t("too much waited for the device") };

/** What was given up of a camera's looks: `{total, share, text}`, the most frequent cause first; an empty text for none. */
export function givenUp({ dropped, checks }) {
  const causes = Object.entries(dropped).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const total = causes.reduce((sum, [, count]) => sum + count, 0);
  return { total, share: total ? total / (checks + total) : 0, text: causes.map(([cause, count]) => `${whole(count)} (${CAUSES[cause] ?? cause.replaceAll("_", " ")})`).join(", ") };
}

/** What processes that have cameras give up for want of time, `[words]`; those of each process by its number where they differ. */
export function givingUp(shards = []) {
  const busy = shards.filter((shard) => shard.cameras && shard.giving_up);
  const words = new Set(busy.map((shard) => shard.giving_up));
  return words.size > 1 ? busy.map((shard) => t("process {number}: {words}", { number: shard.index, words: shard.giving_up })) : [...words];
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

const DETAIL_WORDS = { dwell_s: t("Stayed"), direction: t("Direction"), count: t("Last count"), max_count: t("Most at once"), min_count: t("Fewest at once"), limit: t("Limit"), after_s: t("Must last"), heading_deg: t("Moved"), alone_s: t("Alone for"), stood_s: t("Had stood for"), speed_kmh: t("Highest speed"), limit_kmh: t("Allowed"), behind_s: t("Behind by"), absent_s: t("Nobody for"), rules: t("Rules"), how: t("Together"), took_s: t("Within"), item: t("Item"), share: t("Votes against"), votes: t("Looks without"), put_right: t("Put right") };
const VALUES = { a_to_b: "A → B", b_to_a: "B → A", both: t("both ways"), all: t("all of them"), any: t("any of them"), sequence: t("one after the other") };
const HIDDEN = new Set(["when", "more_tracks"]);

/** Facts of the kind as `[[term, text], ...]`. */
export function details(event) {
  return Object.entries(event.details ?? {}).filter(([key, value]) => value !== null && value !== "" && !HIDDEN.has(key)).map(([key, value]) => {
    if (key === "interrupted") return [t("Ended"), t("cut short: panops was stopped while it went on")];
    const word = DETAIL_WORDS[key] ?? plain(key.replace(/_s$/, ""));
    if (key === "heading_deg" && typeof value === "number") return [word, heading(value)];
    if (key.endsWith("_kmh") && typeof value === "number") return [word, t("{count} km/h", { count: Math.round(value) })];
    if (key.endsWith("_s") && typeof value === "number") return [word, duration(value)];
    if (typeof value === "boolean") return [word, value ? t("yes") : t("no")];
    if (typeof value === "number") return [word, decimal(value, 2, 0)];
    return [word, VALUES[value] ?? String(value)];
  });
}
