/** What an agent has set in this browser. It belongs to the browser, like the loudspeaker and the permission. */

import { THRESHOLDS } from "./waits.js";

/** @typedef {{ long_s: number, late_s: number, sound: boolean, notify: boolean,
 *   theme: "system" | "light" | "dark", lang: string | null }} Preferences `lang`: null is the browser's */

const KEPT = "kefu.console.preferences";
const LONGEST_S = 24 * 3600;

/** @type {Preferences} */
export const DEFAULTS = { ...THRESHOLDS, sound: false, notify: true, theme: "system", lang: null };

/** What is wrong with two thresholds, as the end of a word's key, or null. */
export function fault(/** @type {number} */ long, /** @type {number} */ late) {
  for (const each of [long, late]) if (!Number.isInteger(each) || each < 1 || each > LONGEST_S) return "range";
  return long < late ? null : "order";
}

/** What was kept, made whole: of what does not fit, the default. @returns {Preferences} */
export function read(/** @type {string | null} */ kept) {
  let found;
  try {
    found = JSON.parse(kept ?? "null") ?? {};
  } catch {
    found = {};
  }
  const fits = fault(found.long_s, found.late_s) === null;
  const { long_s, late_s } = fits ? found : DEFAULTS;
  return {
    long_s,
    late_s,
    sound: found.sound === true,
    notify: found.notify !== false,
    theme: found.theme === "light" || found.theme === "dark" ? found.theme : DEFAULTS.theme,
    lang: typeof found.lang === "string" ? found.lang : DEFAULTS.lang,
  };
}

/**
 * Preferences that are kept, and told to whoever listens.
 * @param {Storage} storage
 */
export function createPreferences(storage) {
  let current = read(storage.getItem(KEPT));
  /** @type {Set<() => void>} */
  const listeners = new Set();
  return {
    get current() {
      return current;
    },
    set(/** @type {Partial<Preferences>} */ change) {
      current = { ...current, ...change };
      storage.setItem(KEPT, JSON.stringify(current));
      for (const each of listeners) each();
    },
    subscribe(/** @type {() => void} */ listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
