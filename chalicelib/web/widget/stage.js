/**
 * What the panel is about, from what is known: pure functions over plain objects.
 * @typedef {import("../lib/kefu.d.ts").Status} Status
 * @typedef {import("../lib/kefu.d.ts").ConversationView} ConversationView
 * @typedef {{ name: string, agents_online: number }} Shop
 * @typedef {object} Known
 * @property {boolean} refused the service does not take pages of this origin
 * @property {boolean} unreached the connection has failed since anything was last heard
 * @property {boolean} unknown there is no such store
 * @property {Status | null} status
 * @property {ConversationView | null} view
 * @property {Shop | null} shop
 */

/** @type {Readonly<Known>} */
export const NOTHING_KNOWN = Object.freeze({
  refused: false, unreached: false, unknown: false, status: null, view: null, shop: null,
});

/**
 * @param {Known} known
 * @returns {"refused" | "signed out" | "unknown" | "unreached" | "loading" | "chat"}
 */
export function stageOf({ refused, unreached, unknown, status, view }) {
  if (refused) return "refused";
  if (status?.reason === "signed out") return "signed out";
  if (unknown || view?.error) return "unknown";
  if (view && (view.loaded || view.pending.length > 0)) return "chat";
  return unreached ? "unreached" : "loading";
}

/**
 * Who is there for the shopper; null while nobody can tell.
 * @param {Known} known
 * @returns {{ who: "agent", name: string } | { who: "some", n: number } | { who: "nobody" } | null}
 */
export function presenceOf(known) {
  const stage = stageOf(known);
  if (stage !== "chat" && stage !== "loading") return null;
  const object = known.view?.object;
  if (object?.status === "claimed" && object.agent) return { who: "agent", name: object.agent.name };
  if (!known.shop) return null;
  const n = known.shop.agents_online;
  return n > 0 ? { who: "some", n } : { who: "nobody" };
}

/** @param {Known} known whether the shopper's conversation is at rest, and the next word opens it again */
export function isClosed({ view }) {
  return view?.object?.status === "closed" && view.pending.length === 0;
}

/** @param {Known} known whether there is a conversation that the shopper may end */
export function canEnd({ status, view }) {
  const now = view?.object?.status;
  return status?.state === "live" && (now === "waiting" || now === "claimed");
}

/** @param {Known} known what the badge says: messages to the shopper that were not seen */
export function unreadOf(known) {
  return stageOf(known) === "chat" ? (known.view?.unread ?? 0) : 0;
}

/** @param {number} unread as it fits into a badge */
export function badgeText(unread) {
  return unread > 99 ? "99+" : String(unread);
}
