// Where the person of an event was seen besides, when one person is one alarm.

import { part } from "./api.js";
import { fill, GLANCE, h } from "./dom.js";
import { decimal, t } from "./messages.js";
import { short } from "./time.js";
import { kindOf } from "./words.js";

/** Shows the other events of one alarm in `root`; `seen` as the API gives them, oldest first. */
export function showSeen(root, seen) {
  const isFirst = !seen.some((one) => one.is_first);
  const said = isFirst
    ? t("Cameras of the group saw somebody who looks the same. What was told of this alarm was not told again.")
    : t("Somebody who looks the same raised the first alarm. It is a likeness of clothes and build, never a proof.");
  fill(root, h("h3", {}, isFirst ? t("Seen since") : t("One alarm with")), h("p", { class: "muted" }, said), h("ol", { class: "alike" }, seen.map((one) => item(one))));
}

function item(one) {
  const told = one.is_first ? t("The first alarm") : one.is_told ? t("Told as well") : t("Not told again");
  return h("li", {}, h("a", { href: `/events/${part(one.event_id)}` },
    h("span", { class: "shot" }, h("img", { src: `/api/v1/events/${part(one.event_id)}/snapshot.jpg?size=${GLANCE}`, alt: "", loading: "lazy" })),
    h("strong", {}, told), h("span", { class: "ellipsis" }, one.camera_name),
    h("span", { class: "faint ellipsis" }, `${kindOf(one.kind).word}, ${short(one.started_at_s)}`),
    one.is_first ? null : h("span", { class: "faint" }, t("Similarity {value}", { value: decimal(one.likeness, 2) }))));
}
