// What an event's details are called, for the pages that list them.

import { decimal, t } from "./messages.js";
import { heading, plain } from "./things.js";
import { duration } from "./words.js";

const DETAIL_WORDS = { dwell_s: t("Stayed"), direction: t("Direction"), count: t("Last count"), max_count: t("Most at once"), min_count: t("Fewest at once"), limit: t("Limit"), after_s: t("Must last"), heading_deg: t("Moved"), alone_s: t("Alone for"), stood_s: t("Had stood for"), speed_kmh: t("Highest speed"), limit_kmh: t("Allowed"), behind_s: t("Behind by"), absent_s: t("Nobody for"), rules: t("Rules"), how: t("Together"), took_s: t("Within"), item: t("Item"), share: t("Votes against"), votes: t("Looks without"), put_right: t("Put right"),
  who: t("Who"), name: t("Name"), lists: t("On the lists"), similarity: t("Similarity"), looks: t("Looks that agree"), agreement: t("Of all looks"), corrected: t("Corrected") };
const VALUES = { a_to_b: "A → B", b_to_a: "B → A", both: t("both ways"), all: t("all of them"), any: t("any of them"), sequence: t("one after the other"), known: t("a known person"), unknown: t("nobody known"), spoof: t("no living face") };
const HIDDEN = new Set(["when", "more_tracks", "person_id"]);

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
