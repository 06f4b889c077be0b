/** How long customers wait, and when somebody should be told: pure. */

/** @typedef {import("./queue.js").ConversationObject} ConversationObject */
/** @typedef {"calm" | "long" | "late"} Level */

/** How long is too long, in seconds. */
export const THRESHOLDS = { long_s: 100, late_s: 180 };

/** Milliseconds that a customer has waited, or null where nobody waits. */
export function waited(/** @type {ConversationObject} */ object, /** @type {number} */ now) {
  return object.status === "waiting" && object.waiting_since !== null ? Math.max(0, now - object.waiting_since) : null;
}

/** @returns {Level} */
export function level(/** @type {number | null} */ wait, /** @type {{ long_s: number, late_s: number }} */ thresholds) {
  if (wait === null) return "calm";
  if (wait >= thresholds.late_s * 1000) return "late";
  return wait >= thresholds.long_s * 1000 ? "long" : "calm";
}

/**
 * Those who have just become late: each wait is told once. `told` are the waits told so far; the answer's `told` holds
 * those that go on.
 * @param {Iterable<ConversationObject>} objects @param {number} now
 * @param {{ long_s: number, late_s: number }} thresholds @param {ReadonlySet<string>} told
 * @returns {{ late: ConversationObject[], told: Set<string> }}
 */
export function newlyLate(objects, now, thresholds, told) {
  const late = [];
  const still = new Set();
  for (const each of objects) {
    if (level(waited(each, now), thresholds) !== "late") continue;
    const wait = `${each.conversation} ${each.waiting_since}`;
    still.add(wait);
    if (!told.has(wait)) late.push(each);
  }
  return { late, told: still };
}
