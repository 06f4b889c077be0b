/** What an agent may do with a conversation: pure. */

/** @typedef {import("./queue.js").ConversationObject} ConversationObject */
/** @typedef {"claim" | "release" | "transfer" | "close" | "watch" | "takeOver" | "write"} Deed */

/** @returns {Set<Deed>} */
export function allowed(
  /** @type {ConversationObject | null} */ object,
  /** @type {string} */ user,
  /** @type {string} */ role,
) {
  /** @type {Set<Deed>} */
  const deeds = new Set();
  // In the conversation of which an agent is the customer, the agent is the customer.
  if (!object || object.customer.user === user) return deeds;
  const supervises = role === "supervisor";
  const serves = object.status === "claimed" && object.agent?.user === user;
  if (object.status !== "claimed") deeds.add("claim");
  if (serves) deeds.add("write");
  if (object.status === "claimed" && !serves) {
    deeds.add("watch");
    if (supervises) deeds.add("takeOver");
  }
  if (object.status === "claimed" && (serves || supervises)) deeds.add("release");
  if (object.status !== "closed" && (serves || supervises)) deeds.add("close");
  if (serves || supervises) deeds.add("transfer");
  return deeds;
}
