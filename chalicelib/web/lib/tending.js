import * as conversation from "./conversation.js";
import { newest, same, at as messageAt } from "./messages.js";

/**
 * Asks for what a conversation lacks: its newest page, gaps, what came while there was no connection, and everything
 * anew where storage has gone back. One thing at a time.
 *
 * @import { Message } from "./kefu.js"
 * @import { Change, State } from "./conversation.js"
 * @import { KefuError } from "./errors.js"
 * @import { Hub } from "./client.js"
 *
 * @typedef {object} Cell  the conversation that is tended
 * @property {string} id
 * @property {() => State} state
 * @property {(state: State) => void} set
 * @property {(change: Change) => void} apply
 * @property {() => boolean} open
 */
export class Tending {
  /** Newer messages may be stored than the run has. */ #behind = false;
  #busy = false;
  /** How often storage has gone back. */ #backs = 0;
  /** @type {any} */ #timer = null;
  /** @type {Promise<void> | null} */ #loadingOlder = null;
  #hub;
  #cell;

  /** @param {Hub} hub @param {Cell} cell */
  constructor(hub, cell) {
    this.#hub = hub;
    this.#cell = cell;
  }

  /** Something may have been missed: look for what follows the newest message. */
  lookForMore() {
    this.#behind = true;
    this.#tend();
  }

  /** Something is missing; what was only overtaken comes by itself. */
  soon() {
    if (this.#busy) return;
    const { timing } = this.#hub.env;
    const wait = !this.#cell.open() ? timing.skip : this.#cell.state().loaded ? timing.overtaken : 0;
    if (wait) this.#again(wait);
    else this.#tend();
  }

  /** @param {boolean} back  storage has gone back for certain */
  doubt(back) {
    if (back) this.#backs++;
    const { set, state, open } = this.#cell;
    set(open() ? conversation.doubting(state()) : conversation.forgotten(state()));
    this.#tend();
  }

  /** The page before the run. */
  older() {
    this.#loadingOlder ??= this.#older().finally(() => (this.#loadingOlder = null));
    return this.#loadingOlder;
  }

  stop() {
    this.#hub.env.clearTimeout(this.#timer);
  }

  /** @param {number} ms */
  #again(ms) {
    const { setTimeout } = this.#hub.env;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (this.#cell.open()) this.#tend();
      else this.#cell.apply(conversation.skipped(this.#cell.state()));
    }, ms);
  }

  async #tend() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#cell.open() && this.#hub.live) {
        const want = conversation.wants(this.#cell.state()) ?? (this.#behind ? "fill" : null);
        if (want === "compare") await this.#compare();
        else if (want === "load") await this.#load();
        else if (want === "fill") await this.#fill();
        else break;
      }
    } catch (error) {
      await this.#refused(/** @type {KefuError} */ (error));
    } finally {
      this.#busy = false;
    }
  }

  async #load() {
    this.#behind = false;
    const asked = this.#hub.now();
    const page = await this.#history({ limit: 50 });
    this.#cell.apply(conversation.loaded(this.#cell.state(), page, asked));
  }

  async #fill() {
    this.#behind = false;
    const after = newest(this.#cell.state().run.messages);
    const asked = this.#hub.now();
    const page = await this.#history({ after, limit: 100 });
    this.#cell.apply(conversation.filled(this.#cell.state(), page.messages, asked));
    const { run, doubt } = this.#cell.state();
    if (page.more) this.#behind = true;
    // What came is not stored: it was, and storage has gone back.
    else if (run.ahead.length && !doubt && newest(run.messages) === after) this.doubt(false);
  }

  async #compare() {
    this.#behind = false;
    const backs = this.#backs;
    /** @type {Message[]} */
    let found = [];
    let more = true;
    while (more) {
      const before = found[0]?.seq;
      const page = await this.#history(before === undefined ? { limit: 50 } : { before, limit: 100 });
      if (backs !== this.#backs) return; // and once more
      found = [...page.messages, ...found];
      more = page.more;
      const { messages } = this.#cell.state().run;
      if (!page.messages.length || found[0].seq <= (messages[0]?.seq ?? Infinity)) break;
      if (same(messageAt(messages, found[0].seq), found[0])) break;
    }
    this.#cell.apply(conversation.compared(this.#cell.state(), { messages: found, more }));
  }

  async #older() {
    const { run, loaded, more, doubt } = this.#cell.state();
    if (!loaded || !more || doubt || !run.messages.length) return;
    const page = await this.#history({ before: run.messages[0].seq, limit: 50 });
    if (!this.#cell.state().doubt) this.#cell.set(conversation.prepended(this.#cell.state(), page));
  }

  /**
   * @param {{ after?: number, before?: number, limit: number }} place
   * @returns {Promise<{ messages: Message[], more: boolean }>}
   */
  async #history(place) {
    try {
      return await this.#hub.link.request("history", { conversation: this.#cell.id, ...place });
    } catch (error) {
      const { code } = /** @type {KefuError} */ (error);
      if (code !== "not_found" || this.#cell.state().side !== "customer") throw error;
      // A customer's conversation that does not exist yet is an empty one, where there is such a store.
      await this.#hub.link.request("store", { store: this.#cell.id.split(":")[0] });
      return { messages: [], more: false };
    }
  }

  /** @param {KefuError} error */
  async #refused(error) {
    if (error.code === "closed") return;
    if (error.retry) return this.#again(this.#hub.env.timing.tendAgain);
    const { code, message } = error;
    this.#cell.set(conversation.withFields(this.#cell.state(), { error: { code, message } }));
  }
}
