/** What an agent has begun to write, for each conversation; kept in this browser under the agent's name. */

const OLDEST_MS = 30 * 24 * 3600 * 1000;
const MOST = 200;

/** @typedef {Record<string, { text: string, at: number }>} Kept */

/** With another draft, and without what is old or too many; an empty text forgets. Pure. @returns {Kept} */
export function drafted(
  /** @type {Kept} */ kept,
  /** @type {string} */ id,
  /** @type {string} */ text,
  now = Date.now(),
) {
  const others = Object.entries(kept).filter(([key, { at }]) => key !== id && at > now - OLDEST_MS);
  const all = text === "" ? others : [...others, /** @type {const} */ ([id, { text, at: now }])];
  return Object.fromEntries(all.sort(([, a], [, b]) => b.at - a.at).slice(0, MOST));
}

/** @param {Storage} storage @param {string} user */
export function createDrafts(storage, user) {
  const key = `kefu.console.drafts.${user}`;
  /** @returns {Kept} */
  const read = () => {
    try {
      return JSON.parse(storage.getItem(key) ?? "{}");
    } catch {
      return {};
    }
  };
  return {
    /** The draft of one conversation, in the form that the composer takes. */
    of: (/** @type {string} */ id) => ({
      load: () => read()[id]?.text ?? "",
      save: (/** @type {string} */ text) => storage.setItem(key, JSON.stringify(drafted(read(), id, text))),
    }),
  };
}
