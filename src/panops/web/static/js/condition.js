// How a camera is, in words for people, with the colour and symbol that go with them; and what was given up of it.

import { t } from "./messages.js";
import { plain } from "./things.js";
import { sentence, whole } from "./words.js";

export const STATES = {
  starting: { word: t("Starting"), tone: "amber", icon: "clock", help: t("Connecting to the camera.") },
  live: { word: t("Live"), tone: "green", icon: "ok", help: "" },
  unreachable: { word: t("Unreachable"), tone: "red", icon: "unplug", help: t("Nothing answers at its address. Trying again."), advice: t("Check the address and port, that the camera has power, and that this machine can reach its network.") },
  unauthorized: { word: t("Wrong password"), tone: "red", icon: "lock", help: t("The camera refuses the user name or password."), advice: t("Check the user name and password. Many cameras have a separate account for video (RTSP or ONVIF).") },
  unsupported: { word: t("Not supported"), tone: "red", icon: "alarm", help: t("The stream is in a form that cannot be read."), advice: t("Set the camera's stream to H.264, H.265 or MJPEG.") },
  corrupt: { word: t("Damaged stream"), tone: "red", icon: "alarm", help: t("What arrives is not readable video."), advice: t("Check that the address is a video stream; over a weak network choose TCP.") },
  stalled: { word: t("Stalled"), tone: "amber", icon: "warning", help: t("Connected, but no pictures arrive any more. Trying again."), advice: t("Restart the camera, or check the network for losses.") },
  frozen: { word: t("Frozen picture"), tone: "amber", icon: "frozen", help: t("The very same picture keeps arriving."), advice: t("Restart the camera: its picture no longer changes.") },
  error: { word: t("Error"), tone: "red", icon: "alarm", help: t("Something went wrong with this camera."), advice: t("See the message, and the log of panops.") },
  ended: { word: t("Ended"), tone: "grey", icon: "check", help: t("The file has been played to its end.") },
  disabled: { word: t("Switched off"), tone: "grey", icon: "power", help: t("Switched off by an administrator.") },
};
const UNKNOWN_STATE = { word: t("Unknown"), tone: "grey", icon: "info", help: "" };

/** `{word, tone, icon, help, advice}` of a camera state. */
export const stateOf = (state) => STATES[state] ?? { ...UNKNOWN_STATE, word: plain(state) || UNKNOWN_STATE.word };

const ASLEEP = { word: t("Asleep"), tone: "green", icon: "moon", help: t("Nothing happens: only its keyframes are decoded, and it wakes when they change.") };

/** As `stateOf`, of a camera; one that is live may be asleep. */
export const conditionOf = (camera) => (camera.state === "live" && camera.asleep ? ASLEEP : stateOf(camera.state));

/** What a camera says is wrong, without its address in front: that stands elsewhere. */
export function trouble(camera) {
  const { message, address } = camera;
  return message ? sentence(address && message.startsWith(`${address}: `) ? message.slice(address.length + 2) : message) : stateOf(camera.state).help;
}

const CAUSES = { superseded: t("a newer picture came first"), stale: t("too old when its turn came"), queue_full: t("more came than could be decoded"), late: t("too late to be decoded"), overload: t("looked at less often, for want of time"), no_keyframe: t("no whole picture to begin from"), lost: t("the camera left parts out"), analysis_error: t("an error while it was looked at"), detector_error: t("the model failed"), device_error: t("the device that runs models failed"), late_for_device: t("the device could not answer in time"), device_full: t("too much waited for the device") };

/** What was given up of a camera's looks: `{total, share, text}`, the most frequent cause first; an empty text for none. */
export function givenUp({ dropped, checks }) {
  const causes = Object.entries(dropped).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const total = causes.reduce((sum, [, count]) => sum + count, 0);
  return { total, share: total ? total / (checks + total) : 0, text: causes.map(([cause, count]) => `${whole(count)} (${CAUSES[cause] ?? cause.replaceAll("_", " ")})`).join(", ") };
}

/** What processes that have cameras give up for want of time, `[words]`; those of each process by its number where they differ. */
export function givingUp(shards = []) {
  const busy = shards.filter((shard) => shard.cameras && shard.giving_up);
  const words = new Set(busy.map((shard) => shard.giving_up));
  return words.size > 1 ? busy.map((shard) => t("process {number}: {words}", { number: shard.index, words: shard.giving_up })) : [...words];
}
