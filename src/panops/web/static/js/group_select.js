// The choice of a group of cameras: filled from the API, kept in the address as `group=`; hidden where there is no group.

import { get, query } from "./api.js";
import { byId, h } from "./dom.js";

/** The group that the address names, or an empty text. */
export const chosenGroup = () => new URLSearchParams(location.search).get("group") ?? "";

/** The query part for a list of cameras. */
export const groupQuery = () => query({ group: chosenGroup() });

/** Fills the select `#group`; calls `onChange()` when somebody chose. */
export async function groupSelect(onChange) {
  const select = byId("group");
  const { groups } = await get("/groups").catch(() => ({ groups: [] }));
  const names = groups.map((group) => group.name);
  const now = chosenGroup();
  if (now && !names.includes(now)) names.push(now);
  select.append(...names.map((name) => h("option", { value: name, selected: name === now }, name)));
  select.parentElement.hidden = !names.length;
  select.addEventListener("change", () => {
    history.replaceState(history.state, "", location.pathname + query({ group: select.value }));
    onChange();
  });
}
