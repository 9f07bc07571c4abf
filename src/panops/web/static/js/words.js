// Stable words of the API -> words for people, with the colour and symbol that go with them.

export const STATES = {
  starting: { word: "Starting", tone: "amber", icon: "clock", help: "Connecting to the camera." },
  live: { word: "Live", tone: "green", icon: "ok", help: "" },
  unreachable: { word: "Unreachable", tone: "red", icon: "unplug", help: "Nothing answers at its address. Trying again.", advice: "Check the address and port, that the camera has power, and that this machine can reach its network." },
  unauthorized: { word: "Wrong password", tone: "red", icon: "lock", help: "The camera refuses the user name or password.", advice: "Check the user name and password. Many cameras have a separate account for video (RTSP or ONVIF)." },
  unsupported: { word: "Not supported", tone: "red", icon: "alarm", help: "The stream is in a form that cannot be read.", advice: "Set the camera's stream to H.264, H.265 or MJPEG." },
  corrupt: { word: "Damaged stream", tone: "red", icon: "alarm", help: "What arrives is not readable video.", advice: "Check that the address is a video stream; over a weak network choose TCP." },
  stalled: { word: "Stalled", tone: "amber", icon: "warning", help: "Connected, but no pictures arrive any more. Trying again.", advice: "Restart the camera, or check the network for losses." },
  frozen: { word: "Frozen picture", tone: "amber", icon: "frozen", help: "The very same picture keeps arriving.", advice: "Restart the camera: its picture no longer changes." },
  error: { word: "Error", tone: "red", icon: "alarm", help: "Something went wrong with this camera.", advice: "See the message, and the log of panops." },
  ended: { word: "Ended", tone: "grey", icon: "check", help: "The file has been played to its end." },
  disabled: { word: "Switched off", tone: "grey", icon: "power", help: "Switched off by an administrator." },
};
const UNKNOWN_STATE = { word: "Unknown", tone: "grey", icon: "info", help: "" };

/** `{word, tone, icon, help, advice}` of a camera state. */
export const stateOf = (state) => STATES[state] ?? { ...UNKNOWN_STATE, word: plain(state) || UNKNOWN_STATE.word };

const ASLEEP = { word: "Asleep", tone: "green", icon: "moon", help: "Nothing happens: only its keyframes are decoded, and it wakes when they change." };

/** As `stateOf`, of a camera; one that is live may be asleep. */
export const conditionOf = (camera) => (camera.state === "live" && camera.asleep ? ASLEEP : stateOf(camera.state));

const KINDS = {
  intrusion: { word: "Intrusion", icon: "person" },
  line_crossing: { word: "Line crossed", icon: "line" },
  loitering: { word: "Loitering", icon: "loiter" },
  occupancy: { word: "Occupancy", icon: "people" },
  direction: { word: "Wrong way", icon: "next" },
  crowding: { word: "Crowd", icon: "people" },
  object_left: { word: "Object left", icon: "object" },
  object_removed: { word: "Object removed", icon: "object" },
  speed: { word: "Too fast", icon: "speed" },
  tailgating: { word: "Tailgating", icon: "people" },
  absence: { word: "Nobody there", icon: "absent" },
  dwell: { word: "Visit", icon: "clock" },
  combined: { word: "Combination", icon: "combined" },
  camera_blind: { word: "No picture", icon: "unplug" },
  camera_covered: { word: "Camera covered", icon: "warning" },
  camera_moved: { word: "Camera moved", icon: "warning" },
  camera_frozen: { word: "Frozen picture", icon: "frozen" },
  camera_drift: { word: "Camera changed", icon: "info" },
  camera_out_of_focus: { word: "Out of focus", icon: "warning" },
  compliance: { word: "Not worn", icon: "helmet" },
};
export const KIND_NAMES = Object.keys(KINDS);
/** The kinds that happen at a line and not in a zone. */
export const LINE_KINDS = new Set(["line_crossing", "tailgating"]);

/** `{word, icon}` of an event kind. */
export const kindOf = (kind) => KINDS[kind] ?? { word: plain(kind) || "Event", icon: "events" };

const SEVERITIES = { alarm: { word: "Alarm", tone: "red", icon: "alarm" }, warning: { word: "Warning", tone: "amber", icon: "warning" }, info: { word: "Info", tone: "accent", icon: "info" } };
export const severityOf = (severity) => SEVERITIES[severity] ?? { word: plain(severity), tone: "grey", icon: "info" };

const STATUSES = { new: { word: "New", tone: "accent", icon: "events" }, acknowledged: { word: "Acknowledged", tone: "green", icon: "check" }, true_alarm: { word: "True alarm", tone: "green", icon: "alarm" }, false_alarm: { word: "False alarm", tone: "grey", icon: "flag" } };
export const statusOf = (status) => STATUSES[status] ?? { word: plain(status), tone: "grey", icon: "info" };

const STEPS = { persistence: "Seen often enough", background: "Differs from the empty scene", displacement: "Moved", size: "Size fits the place", light: "No change of the light", static_memory: "Not known from before", time_prior: "Time of day", feedback: "Unlike marked false alarms", second_look: "Found again" };
/** What a step of the chain asks, as a heading. */
export const stepWord = (step) => STEPS[step] ?? plain(step);

/** `line_crossing` -> `Line crossing`. */
export function plain(word) {
  const text = String(word ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

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

const CAUSES = { superseded: "a newer picture came first", stale: "too old when its turn came", queue_full: "more came than could be decoded", late: "too late to be decoded", overload: "looked at less often, for want of time", no_keyframe: "no whole picture to begin from", lost: "the camera left parts out", analysis_error: "an error while it was looked at", detector_error: "the model failed", device_error: "the device that runs models failed", late_for_device: "the device could not answer in time", device_full: "too much waited for the device" };

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
  return words.size > 1 ? busy.map((shard) => `process ${shard.index}: ${shard.giving_up}`) : [...words];
}

/** Where and by which rule: the zone or line of an event. */
export const placeOf = (event) => event.zone || "Whole picture";
/** `Zone` or `Line`. */
export const placeWord = (event) => (LINE_KINDS.has(event.kind) ? "Line" : "Zone");

/** How long an event lasted, empty for one of a moment or one that goes on. */
export const lasted = (event) => (event.ended_at_s === null || event.ended_at_s - event.started_at_s < 0.05 ? "" : duration(event.ended_at_s - event.started_at_s));

const CODECS = { h264: "H.264", hevc: "H.265", h265: "H.265", mjpeg: "MJPEG" };
export const codec = (name) => CODECS[name] ?? name.toUpperCase();
export const percent = (share) => `${Math.round(share * 100)} %`;

/** 90 -> `1 min 30 s`. */
export function duration(seconds) {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes, rest] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${rest} s`;
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
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export const whole = (count) => Math.round(count).toLocaleString("en-GB").replaceAll(",", "\u2009");
const PLURALS = { person: "people", process: "processes", class: "classes", bus: "buses", delivery: "deliveries" };
export const plural = (count, word) => `${whole(count)} ${count === 1 ? word : PLURALS[word] ?? `${word}s`}`;

const article = (noun) => `${/^[aeiou]/i.test(noun) ? "An" : "A"} ${noun}`;

/** What an event is about in one sentence, from its own facts and, where it is known, its rule. */
export function reason(event, rule) {
  const what = event.class_name === "moving" ? "Something that moves" : article(event.class_name || "object");
  const where = event.zone ? `in the zone “${event.zone}”` : "in the picture";
  const facts = event.details ?? {};
  const limit = rule?.after_s ?? facts.after_s;
  if (event.kind === "intrusion") return `${what} was ${where}${limit ? ` for longer than ${duration(limit)}` : ""}.`;
  if (event.kind === "loitering") return `${what} stayed ${where}${limit ? ` for longer than the ${duration(limit)} allowed` : " for too long"}.`;
  if (event.kind === "line_crossing") {
    const ways = { a_to_b: ", from side A to side B", b_to_a: ", from side B to side A" };
    return `${what} crossed the line “${event.zone}”${ways[facts.direction] ?? ""}.`;
  }
  if (event.kind === "occupancy") {
    const allowed = facts.limit ?? rule?.limit;
    const way = (facts.when ?? rule?.when) === "below" ? "fewer" : "more";
    const extreme = way === "fewer" ? facts.min_count : facts.max_count;
    const seen = extreme === undefined ? "" : `${plural(extreme, event.class_name || "object")} ${where}: `;
    return `${seen}${way} than ${allowed === undefined ? "allowed" : `the ${allowed} allowed`}.`;
  }
  if (FURTHER_REASONS[event.kind]) return FURTHER_REASONS[event.kind]({ event, what, where, facts, limit });
  return `${kindOf(event.kind).word}${event.zone ? ` ${where}` : ""}.`;
}

const HEADINGS = ["to the right", "up and to the right", "up the picture", "up and to the left", "to the left", "down and to the left", "down the picture", "down and to the right"];
/** 90 -> `up the picture`. */
export const heading = (degrees) => HEADINGS[Math.round((((degrees % 360) + 360) % 360) / 45) % 8];

const JOINED = { all: "All of these came together", any: "One of these came", sequence: "These came one after the other" };

const FURTHER_REASONS = {
  direction: ({ what, where, facts }) => `${what} moved the wrong way ${where}${facts.heading_deg === undefined ? "" : `: ${heading(facts.heading_deg)}`}.`,
  crowding: ({ event, where, facts }) => `${facts.max_count === undefined ? "Many" : plural(facts.max_count, event.class_name || "object")} stood close together ${where}.`,
  object_left: ({ what, where, limit }) => `${what} stood ${where} with nobody near${limit ? ` for longer than ${duration(limit)}` : ""}.`,
  object_removed: ({ what, where, facts }) => `${what} that stood ${where}${facts.stood_s ? ` for ${duration(facts.stood_s)}` : ""} is gone.`,
  speed: ({ what, where, facts }) => `${what} was too fast ${where}${facts.speed_kmh ? `: ${Math.round(facts.speed_kmh)} km/h, ${facts.limit_kmh} are allowed` : ""}.`,
  tailgating: ({ event, what, facts }) => `${what} crossed the line “${event.zone}”${facts.behind_s === undefined ? "" : ` ${duration(facts.behind_s)}`} behind another one.`,
  compliance: ({ what, where, facts }) => `${what} ${where} wore no ${plain(facts.item).toLowerCase()}${facts.put_right ? " at first, then put it on" : ""}.`,
  absence: ({ event, where, limit }) => `No ${event.class_name || "object"} was ${where}${limit ? ` for longer than ${duration(limit)}` : ""}.`,
  dwell: ({ what, where, facts }) => `${what} was ${where}${facts.dwell_s === undefined ? "" : ` for ${duration(facts.dwell_s)}`}.`,
  combined: ({ facts }) => `${JOINED[facts.how] ?? "These came together"}: ${facts.rules ?? "other rules"}.`,
};

const DETAIL_WORDS = { dwell_s: "Stayed", direction: "Direction", count: "Last count", max_count: "Most at once", min_count: "Fewest at once", limit: "Limit", after_s: "Must last", heading_deg: "Moved", alone_s: "Alone for", stood_s: "Had stood for", speed_kmh: "Highest speed", limit_kmh: "Allowed", behind_s: "Behind by", absent_s: "Nobody for", rules: "Rules", how: "Together", took_s: "Within", item: "Item", share: "Votes against", votes: "Looks without", put_right: "Put right" };
const VALUES = { a_to_b: "A → B", b_to_a: "B → A", both: "both ways", all: "all of them", any: "any of them", sequence: "one after the other" };
const HIDDEN = new Set(["when", "more_tracks"]);

/** Facts of the kind as `[[term, text], ...]`. */
export function details(event) {
  return Object.entries(event.details ?? {}).filter(([key, value]) => value !== null && value !== "" && !HIDDEN.has(key)).map(([key, value]) => {
    if (key === "interrupted") return ["Ended", "cut short: panops was stopped while it went on"];
    const word = DETAIL_WORDS[key] ?? plain(key.replace(/_s$/, ""));
    if (key === "heading_deg" && typeof value === "number") return [word, heading(value)];
    if (key.endsWith("_kmh") && typeof value === "number") return [word, `${Math.round(value)} km/h`];
    if (key.endsWith("_s") && typeof value === "number") return [word, duration(value)];
    if (typeof value === "boolean") return [word, value ? "yes" : "no"];
    if (typeof value === "number") return [word, String(Number(value.toFixed(2)))];
    return [word, VALUES[value] ?? String(value)];
  });
}
