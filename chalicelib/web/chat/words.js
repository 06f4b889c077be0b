/**
 * The pages' words: one file a language beside this folder. A language that does not say everything yet is marked
 * `partial: true`; English is loaded with it, and says the rest.
 */

/** Languages that there are, by BCP 47. One more is one more file in `words/` and one more name here. */
export const languages = Object.freeze(["en", "zh-CN"]);

const RTL = /^(ar|arc|ckb|dv|fa|ha-arab|he|khw|ks|ku-arab|ps|sd|ug|ur|yi)\b/i;

/**
 * The best language for what is wanted: the same tag, else the same first part (zh-TW → zh-CN), else English.
 * @param {string | readonly string[] | null | undefined} wanted one tag, or several by preference
 * @param {readonly string[]} [among]
 * @returns {string}
 */
export function match(wanted, among = languages) {
  for (const tag of [wanted ?? []].flat()) {
    const asked = String(tag).trim().toLowerCase().replaceAll("_", "-");
    const found = among.find((each) => each.toLowerCase() === asked)
      ?? among.find((each) => each.toLowerCase().split("-")[0] === asked.split("-")[0]);
    if (found) return found;
  }
  return among[0];
}

/**
 * @typedef {object} Words
 * @property {string} lang
 * @property {"ltr" | "rtl"} dir
 * @property {(key: string, values?: Record<string, string | number>) => string} say `say("chat.new", { n: 3 })`; a
 *   plural is an object by Intl.PluralRules on `n`. Throws where English lacks the key.
 */

/**
 * Load the words of the best language.
 * @param {string | readonly string[] | null} [wanted]
 * @returns {Promise<Words>}
 */
export async function loadWords(wanted) {
  const lang = match(wanted);
  const load = async (name) => (await import(`../words/${name}.js`)).default;
  const own = await load(lang);
  return wordsOf(lang, own, own.partial ? await load("en") : own);
}

/**
 * @param {string} lang
 * @param {Record<string, any>} own
 * @param {Record<string, any>} [english]
 * @returns {Words}
 */
export function wordsOf(lang, own, english = own) {
  const rules = { own: new Intl.PluralRules(lang), english: new Intl.PluralRules("en") };
  const number = new Intl.NumberFormat(lang);
  const look = (table, key) => key.split(".").reduce((found, part) => found?.[part], table);
  return Object.freeze({
    lang,
    dir: RTL.test(lang) ? "rtl" : "ltr",
    say(key, values = {}) {
      const here = look(own, key);
      const entry = here ?? look(english, key);
      if (entry == null) throw new Error(`There are no words for ${key}.`);
      const rule = here == null ? rules.english : rules.own;
      const text = typeof entry === "string" ? entry : entry[rule.select(Number(values.n))] ?? entry.other;
      return text.replace(/\{(\w+)\}/g, (whole, name) => {
        const value = values[name];
        return value == null ? whole : typeof value === "number" ? number.format(value) : value;
      });
    },
  });
}
