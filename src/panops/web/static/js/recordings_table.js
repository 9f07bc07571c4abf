// How much each camera records, and how far back that will reach.

import { get, part } from "./api.js";
import { fill, h } from "./dom.js";
import { minute } from "./time.js";
import { bytes, duration } from "./words.js";

const MODES = { off: "no longer", events: "events", motion: "motion", continuous: "everything" };

/** Fills `card` (hidden where nothing is recorded); `rows` is its table's body, `note` a paragraph, `nameOf(id)` a camera's name. */
export async function showRecordings(card, rows, note, nameOf) {
  const all = await get("/recordings");
  card.hidden = !all.cameras.length;
  const number = (value) => h("td", { class: "number" }, value);
  const none = "–";
  const reach = (days, by) => h("td", { class: "number", title: by ? `decided by ${by}` : null }, days === null ? none : duration(days * 86400));
  fill(rows, all.cameras.map((one) => h("tr", {},
    h("td", {}, h("a", { class: "ellipsis", href: `/cameras/${part(one.camera_id)}` }, nameOf(one.camera_id))), h("td", {}, MODES[one.mode]),
    number(one.oldest_s === null ? none : minute(one.oldest_s)), number(bytes(one.size_bytes)), number(one.protected_bytes ? bytes(one.protected_bytes) : none),
    number(one.bytes_per_day === null ? none : bytes(one.bytes_per_day)),
    reach(one.forecast_days, one.limited_by),
    all.archive ? number(one.archived_bytes ? bytes(one.archived_bytes) : none) : null, all.archive ? reach(one.archive_days, one.archive_limited_by) : null)));
  for (const head of card.querySelectorAll("[data-archive]")) head.hidden = !all.archive;
  const room = all.headroom_hours === null ? "" : `; if nothing were deleted, there would be space for ${duration(all.headroom_hours * 3600)}`;
  note.textContent = `${bytes(all.size_bytes)} are recorded${all.free_bytes === null ? "" : `, ${bytes(all.free_bytes)} are free`}${room}.${archived(all.archive)}`;
}

/** What lies in the archive, and what has not moved there yet; nothing where there is none. */
function archived(archive) {
  if (!archive) return "";
  const waiting = archive.waiting_files ? `, ${bytes(archive.waiting_bytes)} are due to move there` : "";
  return ` ${bytes(archive.size_bytes)} lie in the archive${archive.label ? ` (${archive.label})` : ""}${waiting}.`;
}
