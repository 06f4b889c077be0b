import { idle, joined, put, sendable, without } from "./outbox.js";

/**
 * The one sender of an outbox: one message of each conversation at a time, under one id until it is stored or refused.
 *
 * @import { Outbox, Pending } from "./kefu.js"
 * @import { Emitted } from "./line.js"
 */
export class Sender {
  /** @type {readonly Pending[]} */ #entries = Object.freeze([]);
  /** Stored or discarded: a tab that has not heard of it yet may bring one again. @type {Set<string>} */ #done =
    new Set();
  /** @type {Set<string>} */ #underWay = new Set();
  #connected = false;
  #stopped = false;
  #keeper;
  #scope;
  #request;
  #emit;
  #report;

  /**
   * @param {Outbox} keeper
   * @param {string} scope
   * @param {(action: string, parameters: object, how: { id: string, patient: true }) => Promise<any>} request
   * @param {(event: Emitted) => void} emit
   * @param {(error: unknown) => void} report
   */
  constructor(keeper, scope, request, emit, report) {
    this.#keeper = keeper;
    this.#scope = scope;
    this.#request = request;
    this.#emit = emit;
    this.#report = report;
  }

  /** Take up what an earlier page, or an earlier leading tab, left behind. */
  async load() {
    /** @type {Pending[]} */
    let kept = [];
    try {
      kept = await this.#keeper.load(this.#scope);
    } catch (error) {
      this.#report(error);
    }
    this.#entries = joined(
      kept.filter(({ id }) => !this.#done.has(id)),
      this.#entries,
    );
    for (const entry of this.#entries) this.#emit({ kind: "pending", entry });
    this.#pump();
  }

  /** @param {Pending} entry  that is kept already */
  adopt(entry) {
    // It was stored, and storage has lost it.
    if (entry.error?.code === "lost") this.#done.delete(entry.id);
    // A tab that was not there when it was stored learns it now.
    if (this.#done.has(entry.id)) return this.#emit({ kind: "unpended", ...entry });
    if (this.#entries.some(({ id }) => id === entry.id)) return;
    this.#set(idle(entry));
    this.#pump();
  }

  /** @param {boolean} connected */
  connected(connected) {
    this.#connected = connected;
    // What is under way stays so in `#request`; what people see is that it waits.
    if (!connected) for (const entry of this.#entries) if (entry.state === "sending") this.#set(idle(entry));
    this.#pump();
  }

  /** @param {string} id */
  async retry(id) {
    const entry = this.#entries.find((each) => each.id === id);
    if (entry?.state !== "failed") return;
    const again = Object.freeze({ ...entry, state: /** @type {const} */ ("waiting"), error: null });
    this.#set(again);
    await this.#keep(again);
    this.#pump();
  }

  /** @param {string} id @returns {Promise<string | null>} */
  async discard(id) {
    const entry = this.#entries.find((each) => each.id === id);
    if (entry?.state !== "failed") return null;
    await this.#remove(entry);
    return entry.text;
  }

  /** @param {string} id  of a message that was seen in its conversation: it is stored, whatever became of the reply */
  seen(id) {
    const entry = this.#entries.find((each) => each.id === id);
    if (entry) this.#remove(entry);
  }

  stop() {
    this.#stopped = true;
  }

  #pump() {
    if (!this.#connected || this.#stopped) return;
    for (const entry of sendable(this.#entries)) {
      this.#set(Object.freeze({ ...entry, state: "sending" }));
      if (!this.#underWay.has(entry.id)) this.#send(entry);
    }
  }

  /** @param {Pending} entry */
  async #send(entry) {
    const { id, conversation, text } = entry;
    this.#underWay.add(id);
    try {
      const body = { type: "text", text };
      const { seq, at } = await this.#request("send", { conversation, body }, { id, patient: true });
      if (this.#stopped) return;
      await this.#remove(entry, { kind: "sent", id, conversation, text, seq, at });
    } catch (error) {
      const { code, message } = /** @type {import("./errors.js").KefuError} */ (error);
      if (this.#stopped || code === "closed" || this.#done.has(id)) return;
      const failed = Object.freeze({ ...entry, state: /** @type {const} */ ("failed"), error: { code, message } });
      this.#set(failed);
      await this.#keep(failed);
    } finally {
      this.#underWay.delete(id);
      this.#pump();
    }
  }

  /** @param {Pending} entry */
  #set(entry) {
    this.#entries = put(this.#entries, entry);
    this.#emit({ kind: "pending", entry });
  }

  /** @param {Pending} entry @param {Emitted} [event]  what those who show it are told */
  async #remove({ id, conversation }, event = { kind: "unpended", id, conversation }) {
    this.#done.add(id);
    this.#entries = without(this.#entries, id);
    this.#emit(event);
    this.#pump();
    await this.#keeper.remove(this.#scope, id).catch(this.#report);
  }

  /** @param {Pending} entry */
  #keep(entry) {
    return this.#keeper.put(this.#scope, entry).catch(this.#report);
  }
}
