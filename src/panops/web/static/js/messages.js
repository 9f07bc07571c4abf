// Every word that people read on the page: the English text is the key of its translation, so a module can be read.
// A language's table of a page comes with the page (`data-messages`); what it lacks is English.

const { lang, dataset } = document.documentElement;

/** The language of the page, and the languages that there are. */
export const language = lang || "en";
export const languages = (dataset.languages ?? "en").split(" ");
/** The same for `Intl`: English is the British one, with the day before the month. */
export const locale = language === "en" ? "en-GB" : language;

let table = {};
if (dataset.messages) {
  try {
    table = (await import(dataset.messages)).default;
  } catch {
    // The page is in English then.
  }
}

const forms = new Intl.PluralRules(locale);
const CONTEXT = / \[[a-z ]+\]$/;
const known = (text) => (Object.hasOwn(table, text) ? table[text] : text.replace(CONTEXT, ""));
const shown = (value) => (typeof value === "number" ? decimal(value) : value);
const put = (text, values) => (values ? text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? shown(values[name]) : whole)) : text);

/** A message: `t("Edit {name}", { name })`. Numbers are written as the language writes them. An end such as ` [verb]` tells meanings apart and is not shown. */
export const t = (text, values) => put(known(text), values);

/** A message with plural forms: `n("{count} camera", "{count} cameras", count)`. */
export function n(one, other, count, values) {
  const found = Object.hasOwn(table, other) ? table[other] : { one, other };
  return put(found[forms.select(count)] ?? found.other, { count, ...values });
}

/** A message with elements in it, as children: `parts("Ask {who}.", { who: h("b", {}, "Vera") })`. */
export const parts = (text, values) => known(text).split(/(\{\w+\})/).map((piece) => shown(values[/^\{(\w+)\}$/.exec(piece)?.[1]] ?? piece)).filter((piece) => piece !== "");

const numbers = new Map();
/** A number with `digits` behind the point, none without them; `least` are fewer where the last ones are zeros. */
export function decimal(value, digits = 0, least = digits) {
  const key = 10 * digits + least;
  if (!numbers.has(key)) numbers.set(key, new Intl.NumberFormat(locale, { minimumFractionDigits: least, maximumFractionDigits: digits }));
  const text = numbers.get(key).format(value);
  return language === "en" ? text.replaceAll(",", "\u2009") : text;
}

/** A word inside a sentence: English writes it small there, a language that writes its nouns large does not. */
export const inside = (word) => (language === "en" ? word.toLowerCase() : word);

/** A language by its own name. */
export const nameOf = (code) => new Intl.DisplayNames([code], { type: "language" }).of(code);

/** Keeps the choice in this browser and shows the page in it. `lax`, so that a link in a mail leads to a page in it, too. */
export function speak(code) {
  document.cookie = `language=${code}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  location.reload();
}
