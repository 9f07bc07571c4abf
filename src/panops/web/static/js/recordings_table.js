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
  const reach = (days, by) => h("td", { class: "number", title: by ? t("decided by {what}", { what: by }) : null }, days === null ? none : duration(days * 86400));
  fill(rows, all.cameras.map((one) => h("tr", {},
    h("td", {}, h("a", { class: "ellipsis", href: `/cameras/${part(one.camera_id)}` }, nameOf(one.camera_id))), h("td", {}, MODES[one.mode]),
    number(one.oldest_s === null ? none : minute(one.oldest_s)), number(bytes(one.size_bytes)), number(one.protected_bytes ? bytes(one.protected_bytes) : none),
    number(one.bytes_per_day === null ? none : bytes(one.bytes_per_day)),
    reach(one.forecast_days, one.limited_by),
    all.archive ? number(one.archived_bytes ? bytes(one.archived_bytes) : none) : null, all.archive ? reach(one.archive_days, one.archive_limited_by) : null)));
  for (const head of card.querySelectorAll("[data-archive]")) head.hidden = !all.archive;
  const [size, free] = [bytes(all.size_bytes), bytes(all.free_bytes)];
  const taken = all.free_bytes === null ? t("{size} are recorded.", { size }) : t("{size} are recorded, {free} are free.", { size, free });
  const room = all.headroom_hours === null ? "" : t("If nothing were deleted, there would be space for {time}.", { time: duration(all.headroom_hours * 3600) });
  note.textContent = [taken, room, ...archived(all.archive)].filter(Boolean).join(" ");
}

/** What lies in the archive, and what has not moved there yet; nothing where there is none. */
function archived(archive) {
  if (!archive) return [];
  const lies = { size: bytes(archive.size_bytes), name: archive.label };
  return [
    archive.label ? t("{size} lie in the archive ({name}).", lies) : t("{size} lie in the archive.", lies),
    archive.waiting_files ? t("{size} are due to move there.", { size: bytes(archive.waiting_bytes) }) : "",
  ];
}
