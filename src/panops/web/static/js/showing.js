// What a camera's page shows of the present: video or pictures, by choice and by what can be had; boxes over the video at its own time.

import { byId, fill, h, memory } from "./dom.js";
import { t } from "./messages.js";

const BOXES_OLD_S = 1.2;
const BOXES_KEPT = 60;

/** The boxes that belong to a picture taken at `captured`: those of the newest look until then. `looks` are `[time, boxes]`, oldest first. */
export function boxesFor(looks, captured) {
  const found = looks.findLast(([time]) => time <= captured + 0.02);
  return found && captured - found[0] < BOXES_OLD_S ? found[1] : [];
}

/** Puts video over the tile's picture. `onVideo(on)` is told when it plays or not. Answers a function to call with the camera's new facts. */
export function showVideo(tile, camera, onVideo) {
  const { picture } = tile;
  const bar = byId("showing");
  const said = byId("showing-why");
  const video = h("video", { class: "pixels", playsinline: true, hidden: true, "aria-hidden": "true", disablepictureinpicture: true });
  picture.root.insertBefore(video, picture.overlay.canvas);
  let choice = memory.get("showing", "sub");
  let [visible, state] = [true, camera.state];
  const looks = [];

  const say = (text) => { said.textContent = text && choice !== "pictures" ? t("Shows pictures: {reason}", { reason: text }) : t("Shows pictures"); };
  const onState = (playing, text) => {
    video.hidden = !playing;
    picture.root.dataset.shows = playing ? "video" : "pictures";
    picture.timed = playing ? (time, boxes) => {
      looks.push([time, boxes]);
      if (looks.length > BOXES_KEPT) looks.shift();
    } : null;
    if (playing) picture.setRatio(video.videoWidth / video.videoHeight);
    if (playing) said.textContent = t("Shows video");
    else say(text);
    paint();
    onVideo(playing);
  };
  const onFrame = (captured) => {
    picture.root.dataset.videoFrames = Number(picture.root.dataset.videoFrames ?? 0) + 1;
    picture.root.dataset.delayMs = Math.round(Date.now() - captured * 1000);
    const boxes = boxesFor(looks, captured);
    if (boxes !== picture.boxes) picture.setBoxes(boxes);
  };

  const options = [["pictures", t("Pictures")], ["sub", t("Video")], ...(camera.has_main ? [["main", t("Main stream")]] : [])];
  if (!options.some(([value]) => value === choice)) choice = "sub";
  const buttons = options.map(([value, word]) => h("button", { class: "button", type: "button", data: { show: value }, onclick: () => {
    choice = value;
    memory.set("showing", value);
    run();
  } }, word));
  const paint = () => {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.show === choice));
      button.toggleAttribute("data-shown", button.dataset.show === (video.hidden ? "pictures" : choice));
    }
  };
  let player = null;
  let loading = null;
  const wanted = () => (choice !== "pictures" && visible && !document.hidden && state === "live" ? choice : null);
  // The player's code is fetched when there is video to show.
  const run = () => {
    if (player) player.play(wanted());
    else if (wanted()) {
      loading ??= import("./video.js").then(({ LiveVideo }) => {
        player = new LiveVideo(video, camera.id, onState, onFrame);
        run();
      }, () => {
        loading = null; // the next change of the camera or of the choice tries again
        say(t("the connection was lost"));
      });
    }
    paint();
  };
  if (!("MediaSource" in globalThis)) {
    fill(bar);
    bar.hidden = true;
    return () => {};
  }
  fill(bar, buttons);
  bar.hidden = false;
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    run();
  }).observe(tile.root);
  document.addEventListener("visibilitychange", run);
  run();
  return (now) => {
    state = now.state;
    run();
  };
}
