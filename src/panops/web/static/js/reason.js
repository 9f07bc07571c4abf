// What an event is about, in one sentence. Each sentence is one message: languages order their words differently.

import { decimal, inside, t } from "./messages.js";
import { className, heading, plain, plural } from "./things.js";
import { duration, kindOf, percent } from "./words.js";

/** `A person`: a class at the beginning of a sentence. */
function subject(name) {
  if (name === "moving") return t("Something that moves");
  const thing = className(name || "object");
  return /^[aeiou]/i.test(thing) ? t("An {thing}", { thing }) : t("A {thing}", { thing });
}

const many = (count, event) => (count === undefined ? t("Many") : plural(count, event.class_name || "object"));

const REASONS = {
  intrusion: ({ what, where, limit }) => (limit ? t("{what} was {where} for longer than {time}.", { what, where, time: duration(limit) }) : t("{what} was {where}.", { what, where })),
  loitering: ({ what, where, limit }) => (limit ? t("{what} stayed {where} for longer than the {time} allowed.", { what, where, time: duration(limit) }) : t("{what} stayed {where} for too long.", { what, where })),
  line_crossing: ({ event, what, facts }) => {
    const values = { what, line: event.zone };
    if (facts.direction === "a_to_b") return t("{what} crossed the line “{line}”, from side A to side B.", values);
    return facts.direction === "b_to_a" ? t("{what} crossed the line “{line}”, from side B to side A.", values) : t("{what} crossed the line “{line}”.", values);
  },
  occupancy: ({ event, where, facts, rule }) => {
    const below = (facts.when ?? rule?.when) === "below";
    const limit = facts.limit ?? rule?.limit;
    const extreme = below ? facts.min_count : facts.max_count;
    const values = { seen: extreme === undefined ? "" : plural(extreme, event.class_name || "object"), where, limit };
    if (limit === undefined) return below ? t("Fewer {where} than allowed.", values) : t("More {where} than allowed.", values);
    if (extreme === undefined) return below ? t("Fewer {where} than the {limit} allowed.", values) : t("More {where} than the {limit} allowed.", values);
    return below ? t("{seen} {where}: fewer than the {limit} allowed.", values) : t("{seen} {where}: more than the {limit} allowed.", values);
  },
  direction: ({ what, where, facts }) => (facts.heading_deg === undefined ? t("{what} moved the wrong way {where}.", { what, where }) : t("{what} moved the wrong way {where}: {heading}.", { what, where, heading: heading(facts.heading_deg) })),
  crowding: ({ event, where, facts }) => t("{seen} stood close together {where}.", { seen: many(facts.max_count, event), where }),
  object_left: ({ what, where, limit }) => (limit ? t("{what} stood {where} with nobody near for longer than {time}.", { what, where, time: duration(limit) }) : t("{what} stood {where} with nobody near.", { what, where })),
  object_removed: ({ what, where, facts }) => (facts.stood_s ? t("{what} that stood {where} for {time} is gone.", { what, where, time: duration(facts.stood_s) }) : t("{what} that stood {where} is gone.", { what, where })),
  speed: ({ what, where, facts }) => (facts.speed_kmh ? t("{what} was too fast {where}: {speed} km/h, {limit} are allowed.", { what, where, speed: Math.round(facts.speed_kmh), limit: decimal(facts.limit_kmh, 1, 0) }) : t("{what} was too fast {where}.", { what, where })),
  tailgating: ({ event, what, facts }) => (facts.behind_s === undefined ? t("{what} crossed the line “{line}” behind another one.", { what, line: event.zone }) : t("{what} crossed the line “{line}” {time} behind another one.", { what, line: event.zone, time: duration(facts.behind_s) })),
  compliance: ({ what, where, facts }) => {
    const values = { what, where, item: inside(className(facts.item)) };
    return facts.put_right ? t("{what} {where} wore no {item} at first, then put it on.", values) : t("{what} {where} wore no {item}.", values);
  },
  absence: ({ event, where, limit }) => {
    const values = { thing: className(event.class_name || "object"), where, time: limit ? duration(limit) : "" };
    return limit ? t("No {thing} was {where} for longer than {time}.", values) : t("No {thing} was {where}.", values);
  },
  dwell: ({ what, where, facts }) => (facts.dwell_s === undefined ? t("{what} was {where}.", { what, where }) : t("{what} was {where} for {time}.", { what, where, time: duration(facts.dwell_s) })),
  hands_up: ({ what, where, limit }) => (limit ? t("{what} {where} held both hands up for longer than {time}.", { what, where, time: duration(limit) }) : t("{what} {where} held both hands up.", { what, where })),
  lying: ({ what, where, limit }) => (limit ? t("{what} lay on the ground {where} for longer than {time}.", { what, where, time: duration(limit) }) : t("{what} lay on the ground {where}.", { what, where })),
  waving: (values) => t("{what} waved {where}.", values),
  climbing: (values) => t("{what} climbed {where}.", values),
  gesture: ({ what, where, facts }) => t("{what} {where} made the sign “{sign}”.", { what, where, sign: facts.sign }),
  fall: ({ what, where }) => t("{what} fell {where} and stayed down.", { what, where }),
  identity: ({ what, where, facts }) => {
    if (facts.who === "spoof") return t("{what} {where} showed a face that is no living one.", { what, where });
    if (facts.who === "unknown") return t("{what} {where} resembles nobody who is known.", { what, where });
    if (!facts.name) return t("Somebody who is known was {where}.", { where });
    return facts.lists ? t("{name} was {where}, who is on: {lists}.", { name: facts.name, where, lists: facts.lists }) : t("{name} was {where}.", { name: facts.name, where });
  },
  area: ({ what, where, facts }) => t("{what} covered {share} {where}; the limit is {limit}.", { what, where, share: percent(facts.share ?? 0), limit: percent(facts.limit ?? 0) }),
  combined: ({ facts }) => {
    const values = { rules: facts.rules ?? t("other rules") };
    if (facts.how === "all") return t("All of these came together: {rules}.", values);
    if (facts.how === "any") return t("One of these came: {rules}.", values);
    return facts.how === "sequence" ? t("These came one after the other: {rules}.", values) : t("These came together: {rules}.", values);
  },
};

/** What an event is about in one sentence, from its own facts and, where it is known, its rule. */
export function reason(event, rule) {
  const facts = event.details ?? {};
  const where = event.zone ? t("in the zone “{zone}”", { zone: event.zone }) : t("in the picture");
  if (REASONS[event.kind]) return REASONS[event.kind]({ event, rule, facts, where, what: subject(event.class_name), limit: rule?.after_s ?? facts.after_s });
  return event.zone ? `${kindOf(event.kind).word} ${where}.` : `${plain(kindOf(event.kind).word)}.`;
}
