// The recording of one camera on its page: the line of time, playing, jumping, marking, exporting.

import { api, part } from "./api.js";
import { fill, h, icon, typing } from "./dom.js";
import { t } from "./messages.js";
import { Playback } from "./playback.js";
import { Recorded } from "./recorded.js";
import { announce, toast } from "./shell.js";
import { clock, fromInput, moment, toInput } from "./time.js";
import { DAY_S, Timeline } from "./timeline.js";
import { duration } from "./words.js";

const RATES = [0.5, 1, 2, 4, 8];
const LONGEST_EXPORT_S = 6 * 3600;
const JUMP_S = 2 * DAY_S;

/** `15:04` or `15:04:30` typed into the box, as epoch seconds. */
const chosen = (text) => (fromInput(text) ?? NaN) + Number(/T\d\d:\d\d:(\d\d)/.exec(text)?.[1] ?? 0);

const NONE = { events: [t("No earlier event within two days"), t("No later event within two days")], motion: [t("No earlier motion within two days"), t("No later motion within two days")] };
const spanWords = (from, to, time, tooLong) => (tooLong ? t("{from} to {to}, {time}: an export has 6 h at most", { from, to, time }) : t("{from} to {to}, {time}", { from, to, time }));

/** Shows the recording in `node`, and plays it in `view` in the place of `live`; hidden where nothing is recorded. `may` says whether the user protects. */
export async function showRecording(node, view, live, id, may) {
  const recorded = new Recorded(id);
  const button = (symbol, word, does, { wide = "", ...more } = {}) => h("button", { class: wide ? "button" : "button square", type: "button", "aria-label": word, title: word, onclick: does, ...more }, icon(symbol), wide && h("span", {}, wide));
  const says = h("output", { class: "recording-time", "aria-live": "off" }, t("Live"));

  const playback = new Playback(recorded, {
    onTime: (at_s) => {
      timeline.setTime(at_s);
      says.textContent = moment(at_s);
    },
    onState: (state) => {
      const off = state === "off";
      live.hidden = !off;
      node.dataset.state = state;
      toLive.disabled = off;
      fill(play, icon(state === "playing" ? "pause" : "play"));
      play.setAttribute("aria-label", state === "playing" ? t("Pause") : t("Play"));
      if (off) {
        timeline.setTime(null);
        says.textContent = t("Live");
      }
    },
    onGap: (from_s, to_s) => announce(t("Nothing was recorded from {from} on; it goes on at {to}", { from: clock(from_s), to: clock(to_s) })),
  });
  const timeline = new Timeline({ onSeek: (at_s) => playback.play(at_s), onView: (from_s, to_s) => load(from_s, to_s) });

  async function load(from_s, to_s) {
    try {
      await recorded.need(from_s, to_s);
    } catch (error) {
      toast(t("The recording could not be read: {reason}", { reason: error.message }), "red");
    }
    timeline.data = recorded.data;
    timeline.draw();
  }

  async function jump(kind, step) {
    const at_s = playback.at_s ?? Date.now() / 1000;
    await load(step > 0 ? at_s : at_s - JUMP_S, step > 0 ? Math.min(at_s + JUMP_S, Date.now() / 1000) : at_s);
    const found = recorded.neighbour(kind, at_s, step);
    if (found === null) announce(NONE[kind][step > 0 ? 1 : 0]);
    else playback.play(kind === "motion" ? found : found - 2);
  }

  const play = button("play", t("Play"), () => (playback.at_s === null ? playback.play(Date.now() / 1000 - recorded.data.segment_s - 20) : playback.toggle()));
  const toLive = button("live", t("Back to live (L)"), () => playback.close(), { wide: t("Live"), disabled: true });
  const rate = h("select", { class: "select", "aria-label": t("Speed"), onchange: ({ target }) => playback.setRate(Number(target.value)) }, RATES.map((one) => h("option", { value: one, selected: one === 1 }, `${one}×`)));
  const when = h("input", { class: "input", type: "datetime-local", step: "1", "aria-label": t("Date and time"), value: toInput(Date.now() / 1000 - 3600) });
  const go = h("form", { class: "go", onsubmit: (event) => {
    event.preventDefault();
    const at_s = chosen(when.value);
    if (!Number.isFinite(at_s)) return toast(t("Type a date and a time first"), "red");
    timeline.root.focus(); // from here on keys mean the recording
    return playback.play(at_s);
  } }, when, h("button", { class: "button", type: "submit" }, t("Go")));

  const span = h("span", { class: "muted span-words" });
  const save = h("a", { class: "button", download: "", "aria-label": t("Export the marked span") }, icon("download"), h("span", {}, t("Export")));
  const keep = button("keep", t("Protect the marked span: it is not deleted"), () => protect(true), { wide: t("Protect") });
  const release = button("trash", t("Let the marked span be deleted when it is due"), () => protect(false), { wide: t("Release") });
  const marked = h("div", { class: "row marked", hidden: true }, span, save, may && keep, may && release, button("close", t("Take the marks away"), () => mark(null, null)));

  function mark(begin, end) {
    timeline.marks = begin !== null && end !== null && end < begin ? [end, begin] : [begin, end];
    const [from_s, to_s] = timeline.marks;
    marked.hidden = from_s === null && to_s === null;
    const whole = from_s !== null && to_s !== null && to_s > from_s;
    const tooLong = whole && to_s - from_s > LONGEST_EXPORT_S;
    span.textContent = whole ? spanWords(clock(from_s), clock(to_s), duration(to_s - from_s), tooLong) : from_s === null ? t("To {time}: mark its beginning", { time: clock(to_s) }) : t("From {time}: mark its end", { time: clock(from_s) });
    save.toggleAttribute("aria-disabled", !whole || tooLong);
    if (whole && !tooLong) save.href = `/api/v1/cameras/${part(id)}/recording/export.mp4?from=${from_s.toFixed(3)}&to=${to_s.toFixed(3)}`;
    else save.removeAttribute("href");
    keep.disabled = release.disabled = !whole;
    timeline.draw();
  }

  async function protect(on) {
    const [from_s, to_s] = timeline.marks;
    try {
      await api("PUT", `/cameras/${part(id)}/recording/protection`, { from_s, to_s, protected: on });
      toast(on ? t("The marked span is not deleted") : t("The marked span goes when it is due"));
      recorded.forget();
      load(timeline.from_s, timeline.to_s);
    } catch (error) {
      toast(t("Not changed: {reason}", { reason: error.message }), "red");
    }
  }

  const now = () => playback.at_s ?? Date.now() / 1000;
  const markStart = button("flag", t("Mark the beginning (I)"), () => mark(now(), timeline.marks[1]), { wide: t("Start") });
  const markEnd = button("flag", t("Mark the end (O)"), () => mark(timeline.marks[0], now()), { wide: t("End") });
  const legend = h("p", { class: "legend muted" }, [["recorded", t("recorded")], ["gap", t("not recorded")], ["motion", t("motion")], ["event", t("event")], ["kept", t("protected")]].map(([kind, word]) => h("span", {}, h("i", { class: kind }), word)));
  fill(node,
    h("div", { class: "row controls" }, play, toLive, h("span", { class: "picker" }, rate), says, h("span", { class: "space" }), go),
    timeline.root,
    h("div", { class: "row controls" },
      h("div", { class: "segments", role: "group", "aria-label": t("Event") }, h("button", { class: "button", type: "button", "aria-label": t("Earlier event ([)"), onclick: () => jump("events", -1) }, icon("prev")), h("span", { class: "between" }, t("Event")), h("button", { class: "button", type: "button", "aria-label": t("Later event (])"), onclick: () => jump("events", 1) }, icon("next"))),
      h("div", { class: "segments", role: "group", "aria-label": t("Motion") }, h("button", { class: "button", type: "button", "aria-label": t("Earlier motion (,)"), onclick: () => jump("motion", -1) }, icon("prev")), h("span", { class: "between" }, t("Motion")), h("button", { class: "button", type: "button", "aria-label": t("Later motion (.)"), onclick: () => jump("motion", 1) }, icon("next"))),
      h("div", { class: "segments", role: "group", "aria-label": t("Shown") }, [["1 h", 3600], ["6 h", 6 * 3600], ["24 h", DAY_S]].map(([word, length]) => h("button", { class: "button", type: "button", onclick: () => timeline.show(now() - length * (playback.at_s === null ? 1 : 0.5), now() + length * (playback.at_s === null ? 0 : 0.5)) }, word))),
      h("span", { class: "space" }), markStart, markEnd),
    marked, legend);
  view.append(playback.root);
  mark(null, null);

  await load(timeline.from_s, timeline.to_s);
  node.hidden = !recorded.isThere;
  if (node.hidden) return;
  timeline.setTime(null);
  document.addEventListener("keydown", (event) => {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { "[": () => jump("events", -1), "]": () => jump("events", 1), ",": () => jump("motion", -1), ".": () => jump("motion", 1), l: () => playback.close(), i: () => markStart.click(), o: () => markEnd.click() };
    if (event.key === " " && playback.isOn && !event.target.closest("button, a")) keys[" "] = () => playback.toggle();
    const does = keys[event.key.toLowerCase()];
    if (!does) return;
    event.preventDefault();
    does();
  });
  setInterval(() => {
    if (document.hidden || playback.at_s !== null) return;
    const now_s = Date.now() / 1000;
    if (timeline.to_s > now_s - 0.05 * timeline.span_s) timeline.show(now_s - timeline.span_s, now_s);
  }, 10_000);
  const wanted = Number(new URLSearchParams(location.search).get("at"));
  if (wanted > 0) playback.play(wanted);
}
