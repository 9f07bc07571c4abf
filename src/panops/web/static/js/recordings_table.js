// How much each camera records, and how far back that will reach.

import { get, part } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./messages.js";
import { minute } from "./time.js";
import { bytes, duration } from "./words.js";

const MODES = { off: t("no longer"), events: t("events"), motion: t("motion"), continuous: t("everything") };

/** Fills `card` (hidden where nothing is recorded); `rows` is its table's body, `note` a paragraph, `nameOf(id)` a camera's name. */
export async function showRecordings(card, rows, note, nameOf) {
  const all = await get("/recordings");
  card.hidden = !all.cameras.length;
  const number = (value) => h("td", { class: "number" }, value);
  const none = "–";
  fill(rows, all.cameras.map((one) => h("tr", {},
    h("td", {}, h("a", { class: "ellipsis", href: `/cameras/${part(one.camera_id)}` }, nameOf(one.camera_id))), h("td", {}, MODES[one.mode]),
    number(one.oldest_s === null ? none : minute(one.oldest_s)), number(bytes(one.size_bytes)), number(one.protected_bytes ? bytes(one.protected_bytes) : none),
    number(one.bytes_per_day === null ? none : bytes(one.bytes_per_day)),
    h("td", { class: "number", title: one.limited_by ? t("decided by {what}", { what: one.limited_by }) : null }, one.forecast_days === null ? none : duration(one.forecast_days * 86400)))));
  const [size, free] = [bytes(all.size_bytes), bytes(all.free_bytes)];
  const taken = all.free_bytes === null ? t("{size} are recorded.", { size }) : t("{size} are recorded, {free} are free.", { size, free });
  const room = all.headroom_hours === null ? "" : t("If nothing were deleted, there would be space for {time}.", { time: duration(all.headroom_hours * 3600) });
  note.textContent = `${taken} ${room}`.trim();
}
