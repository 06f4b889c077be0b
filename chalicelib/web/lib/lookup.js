/**
 * Finds the objects of open conversations, after a connect and where one is not known: the protocol has them in lists.
 *
 * @import { ConversationObject } from "./kefu.js"
 * @import { Hub } from "./client.js"
 * @import { Conversation } from "./conversations.js"
 */

/** A walk that has not found it by then is not worth more requests. */
const PAGES = 5;

export class Lookup {
  #hub;
  #conversations;
  #asked = false;
  #busy = false;

  /** @param {Hub} hub @param {() => Iterable<Conversation>} conversations */
  constructor(hub, conversations) {
    this.#hub = hub;
    this.#conversations = conversations;
  }

  /** For all that are open by the end of this task. */
  soon() {
    this.#asked = true;
    if (!this.#busy) Promise.resolve().then(() => this.#run());
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#asked && this.#hub.live) {
        this.#asked = false;
        for (const [list, wanted] of this.#lists()) await this.#walk(list, wanted);
      }
    } catch {
      // What could not be asked now is asked after the next connect.
    } finally {
      this.#busy = false;
    }
  }

  /** Which list has which of the open conversations: one's own as a customer (""), and each store's. */
  #lists() {
    /** @type {Map<string, Set<string>>} */
    const lists = new Map();
    for (const { id, view, open } of this.#conversations()) {
      if (!open || view.error) continue;
      const list = view.side === "customer" ? "" : id.split(":")[0];
      lists.set(list, (lists.get(list) ?? new Set()).add(id));
    }
    return lists;
  }

  /** @param {string} store @param {Set<string>} wanted */
  async #walk(store, wanted) {
    let cursor = null;
    for (let page = 0; page < PAGES && wanted.size && (page === 0 || cursor); page++) {
      /** @type {{ conversations: ConversationObject[], cursor: string | null }} */
      const found = await this.#hub.request("conversations", {
        ...(store && { store }),
        limit: 100,
        ...(cursor && { cursor }),
      });
      for (const { conversation } of found.conversations) wanted.delete(conversation);
      cursor = found.cursor;
    }
  }
}
