/** A customer's visits: what lies between two closings of the one conversation. Pure. */

/** @typedef {import("../lib/kefu.d.ts").Message} Message */
/** @typedef {{ visit: number, seq: number, at: number }} Visit `seq` and `at` of its first message that is loaded */

/** The visits of which anything is loaded, the oldest first. @returns {Visit[]} */
export function visits(/** @type {readonly Message[]} */ messages) {
  /** @type {Visit[]} */
  const found = [];
  for (const { visit = 1, seq, at } of messages) {
    if (found.length === 0 || visit > found[found.length - 1].visit) found.push({ visit, seq, at });
  }
  return found;
}

/** The visits whose first message is certainly loaded: behind the oldest one of the loaded there may be more of it. */
export function begun(/** @type {readonly Message[]} */ messages, /** @type {boolean} */ more) {
  const found = visits(messages);
  return more ? found.slice(1) : found;
}

/**
 * Where the visit before the given one begins: its first message, null while that is not loaded, and undefined where
 * there is no earlier visit.
 * @param {readonly Message[]} messages @param {boolean} more @param {number} visit @returns {Visit | null | undefined}
 */
export function visitBefore(messages, more, visit) {
  if (visit <= 1) return undefined;
  const earlier = begun(messages, more).filter((each) => each.visit < visit);
  if (earlier.length > 0) return earlier[earlier.length - 1];
  return more ? null : undefined;
}
