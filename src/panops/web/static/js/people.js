// The people who are known: who they are, their pictures, who is in a picture, and deleting them until nothing is left.

import { ask, choice, field } from "./access.js";
import { api, get, part } from "./api.js";
import { byId, empty, facts, fill, h, icon, whileBusy } from "./dom.js";
import { decimal, n, t } from "./messages.js";
import { confirm, start, toast } from "./shell.js";
import { plain } from "./things.js";
import { dayKey } from "./time.js";
import { send } from "./upload.js";
import { bytes, sentence } from "./words.js";

const DAY_S = 86400;
const REFUSED = {
  unreadable: t("This is no JPEG, PNG or WebP picture that can be read."),
  "no face": t("No face was found in it."),
  "several faces": t("There are several faces in it: cut out the one that is meant."),
  small: t("The face is too small: take a picture from nearer by."),
  turned: t("The face is turned away: take a picture in which it looks at the camera."),
  blurred: t("The face is blurred: take a sharper picture."),
  dark: t("The face is too dark: take a picture with more light on it."),
  bright: t("The face is too bright: take a picture with less light on it."),
  "cut off": t("The face is cut off by the edge: take one with the whole head in it."),
  "not living": t("The face is taken for a picture of one: take a picture of the person."),
  "same picture": t("This very picture is there already."),
  "near copy": t("A picture that is almost the same is there already: one that differs tells more."),
};
const { can } = await start();
let people = [];

const source = (person, face) => `/api/v1/people/${person}/faces/${face}/picture.jpg`;
const portrait = (person) => h("span", { class: "portrait" }, person.face_id ? h("img", { src: source(person.person_id, person.face_id), alt: "", loading: "lazy", decoding: "async" }) : icon("person"));
const kept = (person) => (person.keep_until_s ? t("kept until {day}", { day: dayKey(person.keep_until_s) }) : t("kept until somebody deletes them"));

/** Why a picture was not taken, in the page's language where its kind is known. */
function reason({ refusal, resembles, detail }) {
  if (resembles) return t("It resembles {name}, who is known already (similarity {value}).", { name: resembles.name, value: decimal(resembles.similarity, 2) });
  return REFUSED[refusal] ?? sentence(detail ?? "");
}

function card(person) {
  return h("li", { data: { id: person.person_id } }, h("button", { type: "button", onclick: () => open(person.person_id) }, portrait(person),
    h("span", { class: "told" }, h("strong", {}, person.name),
      person.lists.length ? h("span", { class: "lists" }, person.lists.map((name) => h("span", { class: "chip" }, icon("tag", true), name))) : null,
      h("small", {}, person.faces ? n("{count} picture", "{count} pictures", person.faces) : t("No picture yet: nobody can be known without one")), h("small", {}, kept(person)))));
}

/** The fields of a person; `read(form)` gives the API's. */
function fields(person = null) {
  const days = [["", t("Until somebody deletes them")], ["30", t("30 days")], ["365", t("One year")], ["1095", t("Three years")]];
  const lasts = choice(person?.keep_until_s ? [["same", kept(person)], ...days] : days, person?.keep_until_s ? "same" : "");
  const nodes = [
    field("name", t("Name"), h("input", { class: "input", autocomplete: "off", maxlength: 120, value: person?.name ?? "" })),
    field("consent", t("Who agreed, and how"), h("textarea", { class: "input", rows: 2, maxlength: 1000, value: person?.consent ?? "" }), t("Signed form of 3 May, in the personnel file. Nobody is known without it.")),
    field("lists", t("Lists"), h("input", { class: "input", autocomplete: "off", autocapitalize: "none", value: person?.lists.join(", ") ?? "" }), t("Rules name them: staff, watch. Several with commas between them.")),
    field("lasts", t("Kept"), lasts, t("Afterwards panops deletes them by itself."))];
  const read = ({ elements }) => ({
    name: elements.name.value.trim(), consent: elements.consent.value.trim(), lists: elements.lists.value.split(",").map((one) => one.trim()).filter(Boolean),
    ...(lasts.value === "same" ? {} : { keep_until_s: lasts.value ? Math.floor(Date.now() / 1000) + Number(lasts.value) * DAY_S : null }) });
  return { nodes, read };
}

function add() {
  const { nodes, read } = fields();
  ask(t("Add somebody"), t("Add, then give pictures"), nodes, async (form) => {
    const made = await api("POST", "/people", read(form));
    await refresh();
    setTimeout(() => open(made.person_id)); // once the dialog that asked is closed
  });
}

function change(person, after) {
  const { nodes, read } = fields(person);
  ask(person.name, t("Save"), nodes, async (form) => {
    await api("PATCH", `/people/${part(person.person_id)}`, read(form));
    toast(t("{name} is changed", { name: form.elements.name.value.trim() }));
    await refresh();
    after();
  });
}

/** Asks with what goes, then deletes; whether it was done. */
async function remove(person) {
  try {
    const goes = await get(`/people/${part(person.person_id)}/deletion`);
    const proof = goes.events ? n("{count} event that names them stays without the name, and its proof ({size}) goes.", "{count} events that name them stay without the name, and their proof ({size}) goes.", goes.events, { size: bytes(goes.size_bytes) }) : t("No event names them.");
    const text = [n("{count} picture goes.", "{count} pictures go.", goes.faces), proof, t("It cannot be taken back. Backups that were made before still have them.")].join(" ");
    if (!(await confirm(t("Delete {name}?", { name: person.name }), text, t("Delete")))) return false;
    await api("DELETE", `/people/${part(person.person_id)}`);
    toast(t("Deleted. The audit log keeps that it was done, and not who it was."));
  } catch (error) {
    toast(error.message, "red");
  }
  await refresh();
  return true;
}

/** A dialog that is drawn anew by `paint(body)`; `close()` ends it. */
function sheet(title) {
  const body = h("div", { class: "stack" });
  const close = () => { dialog.close(); dialog.remove(); };
  const dialog = h("dialog", { class: "dialog wide-dialog", "aria-label": title, oncancel: close }, body);
  document.body.append(dialog);
  dialog.showModal();
  return { body, close };
}

async function open(id) {
  const { body, close } = sheet(t("A known person"));
  const told = h("ul", { class: "results", "aria-live": "polite" });
  const paint = async () => {
    let found;
    try {
      found = await get(`/people/${part(id)}`);
    } catch (error) {
      close();
      toast(error.message, "red");
      return;
    }
    const { person, faces } = found;
    fill(body, h("h2", {}, person.name),
      facts([[t("Lists"), person.lists.join(", ")], [t("Agreed"), `${person.consent} (${dayKey(person.consented_at_s)})`], [t("Kept"), kept(person)], [t("Added"), `${person.created_by}, ${dayKey(person.created_at_s)}`]]),
      h("ul", { class: "faces", "aria-label": t("Pictures") }, faces.map((face) => tile(person, face, paint))),
      can("admin") ? upload(person, told, paint) : null, told,
      h("div", { class: "row end" },
        can("admin") ? h("button", { class: "button", type: "button", onclick: async () => { if (await remove(person)) close(); } }, icon("trash"), t("Delete")) : null,
        can("admin") ? h("button", { class: "button", type: "button", onclick: () => change(person, paint) }, icon("edit"), t("Change")) : null,
        h("button", { class: "button primary", type: "button", onclick: close }, t("Done"))));
  };
  await paint();
}

function tile(person, face, paint) {
  const word = face.negative ? t("Not {name}", { name: person.name }) : person.name;
  const drop = async () => {
    if (!(await confirm(t("Delete this picture?"), t("It cannot be taken back."), t("Delete")))) return;
    try {
      await api("DELETE", `/people/${part(person.person_id)}/faces/${part(face.face_id)}`);
    } catch (error) {
      toast(error.message, "red");
    }
    await Promise.all([paint(), refresh()]);
  };
  return h("li", { class: face.negative ? "negative" : "", data: { id: face.face_id } }, h("img", { src: source(person.person_id, face.face_id), alt: word, loading: "lazy", decoding: "async" }),
    h("small", { title: face.source }, face.negative ? t("somebody else") : face.source),
    can("admin") ? h("button", { class: "button square", type: "button", "aria-label": t("Delete this picture"), onclick: drop }, icon("trash", true)) : null);
}

/** Takes pictures, one after the other, and says of each what came of it. */
function upload(person, told, paint) {
  const negative = h("input", { type: "checkbox" });
  const files = h("input", { class: "input", type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true });
  files.id = "pictures";
  const one = async (file, force) => {
    const line = h("li", { data: { file: file.name } }, icon("clock", true), h("b", {}, file.name), t("is looked at"));
    told.append(line);
    const { ok, body } = await send(`/people/${part(person.person_id)}/faces?negative=${negative.checked}&force=${force}&source=${encodeURIComponent(file.name.slice(0, 200))}`, file);
    fill(line, icon(ok ? "ok" : "warning", true), h("b", {}, file.name), h("span", {}, ok ? t("taken") : reason(body)),
      body.refusal === "somebody else" ? h("button", { class: "button", type: "button", onclick: async () => { line.remove(); await one(file, true); await Promise.all([paint(), refresh()]); } }, t("These are two people: take it")) : null);
  };
  files.addEventListener("change", () => whileBusy(files, async () => {
    fill(told);
    for (const file of [...files.files]) await one(file, false);
    await Promise.all([paint(), refresh()]);
  }));
  return h("div", { class: "stack" }, h("div", { class: "field" }, h("label", { for: files.id }, t("Add pictures")), files, h("p", { class: "hint" }, t("Each with one face, sharp, lit and looking at the camera. Only the face is kept."))),
    h("label", { class: "tick whole" }, negative, h("span", {}, t("They show somebody else who looks like {name}", { name: person.name }))));
}

function search() {
  const { body, close } = sheet(t("Who is it?"));
  const files = h("input", { class: "input", type: "file", accept: "image/jpeg,image/png,image/webp" });
  files.id = "searched";
  const answer = h("div", { class: "stack", "aria-live": "polite" });
  files.addEventListener("change", () => whileBusy(files, async () => {
    if (files.files.length) await look(files.files[0], answer);
  }));
  fill(body, h("h2", {}, t("Who is it?")), h("div", { class: "field" }, h("label", { for: files.id }, t("A picture")), files, h("p", { class: "hint" }, t("Nothing of it is kept, but that you searched."))), answer,
    h("div", { class: "row end" }, h("button", { class: "button primary", type: "button", onclick: close }, t("Done"))));
}

async function look(file, answer) {
  fill(answer, h("p", { class: "muted" }, t("It is looked at …")));
  const { ok, body } = await send("/people/search", file);
  if (!ok) {
    fill(answer, h("div", { class: "notice alarm" }, icon("alarm"), h("span", {}, reason(body))));
    return;
  }
  const picture = h("img", { src: URL.createObjectURL(file), alt: t("The picture") });
  const frame = h("div", { class: "looked" }, picture);
  picture.addEventListener("load", () => {
    URL.revokeObjectURL(picture.src);
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    body.faces.forEach(({ box: [left, top, right, bottom], name }, at) => {
      const node = h("i", { class: name ? "" : "unknown" }, h("b", {}, String(at + 1)));
      const place = { left: left / width, top: top / height, width: (right - left) / width, height: (bottom - top) / height };
      for (const [key, share] of Object.entries(place)) node.style[key] = `${share * 100}%`;
      frame.append(node);
    });
  });
  fill(answer, frame, body.faces.length ? h("ol", { class: "results" }, body.faces.map((face, at) => verdict(face, at, body.threshold))) : h("p", {}, t("No face was found in it.")));
}

function verdict({ person_id: id, name, lists, fault, nearest }, at, threshold) {
  const first = nearest.find((one) => one.person_id === id) ?? nearest[0];
  const near = first ? t("similarity {value}, the same person from {threshold} on", { value: decimal(first.similarity, 2), threshold: decimal(threshold, 2) }) : t("nobody is known");
  const why = fault ? REFUSED[fault] ?? plain(fault) : name ? near : first ? t("nearest is {name}: {near}", { name: first.name, near }) : near;
  return h("li", {}, icon(name ? "ok" : "person", true), h("b", {}, `${at + 1}. ${name ?? t("Unknown")}`), lists.length ? h("span", { class: "chip" }, lists.join(", ")) : null, h("span", { class: "muted" }, why));
}

async function refresh() {
  try {
    ({ people } = await get("/people"));
    fill(byId("known"), people.length ? people.map(card) : h("li", { class: "empty" }, empty("people", t("Nobody is known"), t("Add somebody who agreed to it, with one picture or more. Rules of the kind identity then tell who somebody is, or that it is nobody known."), [])));
  } catch (error) {
    fill(byId("sheet"), empty("alarm", t("Who is known could not be read"), error.message, [], true));
  }
}

if (!can("operator")) {
  fill(byId("sheet"), empty("lock", t("This page is for operators"), t("It shows the names and faces of people who agreed to be known."), []));
} else {
  byId("add").addEventListener("click", add);
  byId("search").addEventListener("click", search);
  await refresh();
}
