// Events whose people look like the one of an event, the most alike first.

import { api, part } from "./api.js";
import { fill, GLANCE, h, icon } from "./dom.js";
import { decimal, n, t } from "./messages.js";
import { short } from "./time.js";
import { kindOf } from "./words.js";

const MOST = 12;
// Below this two looks have hardly anything in common.
const LEAST = 0.4;

/** Asks for them and shows them in `root`, below its button. */
export async function showAlike(root, event) {
  const { found, compared } = await api("POST", "/events/similar", { event_id: event.event_id, limit: MOST, least: LEAST });
  const of = n("{count} event with a person was compared.", "{count} events with a person were compared.", compared);
  const said = found.length ? t("The most alike first. It is a likeness of clothes and build, never a proof.") : t("Nobody looks alike.");
  fill(root, h("h3", {}, t("Who looks alike")), h("p", { class: "muted", role: "status" }, `${said} ${of}`), h("ol", { class: "alike" }, found.map((one) => item(one))));
}

function item({ event, similarity }) {
  const kind = kindOf(event.kind);
  return h("li", {}, h("a", { href: `/events/${part(event.event_id)}` },
    h("span", { class: "shot" }, event.has_snapshot ? h("img", { src: `/api/v1/events/${part(event.event_id)}/snapshot.jpg?size=${GLANCE}`, alt: "", loading: "lazy" }) : icon(kind.icon)),
    h("strong", {}, t("Similarity {value}", { value: decimal(similarity, 2) })), h("span", { class: "ellipsis" }, event.camera_name), h("span", { class: "faint ellipsis" }, `${kind.word}, ${short(event.started_at_s)}`)));
}
