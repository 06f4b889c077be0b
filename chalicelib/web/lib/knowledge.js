/**
 * What a tab has heard of its connection, wherever that is: enough for another tab to begin with.
 *
 * @import { ConversationObject, Pending, Status } from "./kefu.js"
 * @import { Emitted } from "./line.js"
 */
export class Knowledge {
  /** What is in the outbox, whichever tab wrote it. @type {Map<string, Pending>} */ pending = new Map();
  /** The last word about the time and about storage. @type {any} */ #clock = null;
  /** @type {Status} */ #status = { state: "connecting", reason: null, retryAt: null };

  get epoch() {
    return this.#clock?.epoch ?? null;
  }

  /** @param {Emitted} event */
  hear(event) {
    if (event.kind === "clock") this.#clock = { ...this.#clock, ...event };
    else if (event.kind === "status") this.#status = event.status;
    else if (event.kind === "pending") this.pending.set(event.entry.id, event.entry);
    else if (event.kind === "unpended" || event.kind === "sent") this.pending.delete(event.id);
  }

  /** All of it, as the events that it was. @param {ConversationObject[]} objects @returns {Emitted[]} */
  told(objects) {
    return [
      ...(this.#clock ? [this.#clock] : []),
      { kind: "status", status: this.#status },
      ...objects.map((object) => ({ kind: "object", object })),
      ...[...this.pending.values()].map((entry) => ({ kind: "pending", entry })),
      ...(this.#status.state === "live" ? [{ kind: "resumed" }] : []),
    ];
  }
}
