// What is seen and counted, in words: classes of the detectors, quantities, directions.

import { decimal, n, t } from "./messages.js";

/** `line_crossing` -> `Line crossing`. */
export function plain(word) {
  const text = String(word ?? "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const CLASSES = {
  person: t("person"), bicycle: t("bicycle"), car: t("car"), motorcycle: t("motorcycle"), bus: t("bus"), train: t("train"), truck: t("truck"), boat: t("boat"), airplane: t("airplane"),
  bird: t("bird"), cat: t("cat"), dog: t("dog"), horse: t("horse"), sheep: t("sheep"), cow: t("cow"), bear: t("bear"), animal: t("animal"), vehicle: t("vehicle"),
  backpack: t("backpack"), umbrella: t("umbrella"), handbag: t("handbag"), suitcase: t("suitcase"), bottle: t("bottle"), chair: t("chair"), laptop: t("laptop"), "cell phone": t("cell phone"),
  head: t("head"), face: t("face"), hardhat: t("hardhat"), vest: t("vest"), mask: t("mask"), object: t("object"), moving: t("moving"),
};

/** The name of a detector's class; one that panops does not know stays as it is. */
export const className = (name) => CLASSES[name] ?? String(name ?? "").replaceAll("_", " ");

const COUNTS = {
  person: (count) => n("{count} person", "{count} people", count),
  bicycle: (count) => n("{count} bicycle", "{count} bicycles", count),
  car: (count) => n("{count} car", "{count} cars", count),
  motorcycle: (count) => n("{count} motorcycle", "{count} motorcycles", count),
  bus: (count) => n("{count} bus", "{count} buses", count),
  truck: (count) => n("{count} truck", "{count} trucks", count),
  dog: (count) => n("{count} dog", "{count} dogs", count),
  cat: (count) => n("{count} cat", "{count} cats", count),
  object: (count) => n("{count} object", "{count} objects", count),
  camera: (count) => n("{count} camera", "{count} cameras", count),
  event: (count) => n("{count} event", "{count} events", count),
  rule: (count) => n("{count} rule", "{count} rules", count),
  frame: (count) => n("{count} frame", "{count} frames", count),
  version: (count) => n("{count} version", "{count} versions", count),
  process: (count) => n("{count} process", "{count} processes", count),
  day: (count) => n("{count} day", "{count} days", count),
  suggestion: (count) => n("{count} suggestion", "{count} suggestions", count),
};

/** `plural(6, "person")` -> `6 people`; of a word that is not known, as English mostly does. */
export const plural = (count, word) => COUNTS[word]?.(count) ?? `${decimal(count)} ${className(word)}${count === 1 ? "" : "s"}`;

const HEADINGS = [t("to the right"), t("up and to the right"), t("up the picture"), t("up and to the left"), t("to the left"), t("down and to the left"), t("down the picture"), t("down and to the right")];
/** 90 -> `up the picture`. */
export const heading = (degrees) => HEADINGS[Math.round((((degrees % 360) + 360) % 360) / 45) % 8];
