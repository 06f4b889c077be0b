import { ACK_EVERY, ACK_EVERY_REPLAYED } from "./environment.js";
import * as offsets from "./offsets.js";

/**
 * This client's end of the user's offline list: what is held, when to acknowledge, when to ask for a replay.
 *
 * @import { Environment } from "./environment.js"
 */
export class Inbox {
  #offsets = offsets.NONE;
  /** The history that the service last told us of. @type {string | null} */ #epoch;
  #told = 0;
  #replaying = false;
  #syncing = false;
  /** Whether another device had acknowledged what did not reach us when the connection began. */
  trimmed = false;
  /** @type {any} */ #ackTimer = null;
  /** @type {any} */ #gapTimer = null;
  #closed = false;
  #env;
  #line;

  /**
   * @param {Environment} env
   * @param {string | null} epoch  as an earlier holder of the connection was told
   * @param {object} line
   * @param {() => void} line.ping
   * @param {() => Promise<unknown>} line.sync  resolves when the replay has ended
   * @param {(event: { kind: "went back" | "look again" }) => void} line.emit
   */
  constructor(env, epoch, line) {
    this.#env = env;
    this.#epoch = epoch;
    this.#line = line;
  }

  /** Everything up to here is held; null before anything is known. */
  get held() {
    return this.#offsets.held;
  }

  /** @template {object} F @param {F} frame  about to be written @returns {F & { ack?: number }} */
  riding(frame) {
    const ack = offsets.ackable(this.#offsets);
    if (ack === null) return frame;
    this.#now(offsets.acknowledged(this.#offsets, this.#env.now()));
    return { ...frame, ack };
  }

  /**
   * @param {{ newest: number, offline: number, epoch: string }} welcome
   * @param {number | null} held  what was held when its socket was opened
   */
  welcome({ newest, offline, epoch }, held) {
    this.#compare(epoch, newest, held);
    this.#told = newest;
    this.trimmed = newest - offline > (this.held ?? 0);
    this.#replaying = offline > 0;
    this.#now(offsets.welcomed(this.#offsets, newest, offline));
  }

  /** @param {number} offset @param {boolean} replay  of an entry that is in the state by now */
  entry(offset, replay) {
    this.#now(offsets.received(this.#offsets, offset, replay, this.#env.now()));
  }

  /** @param {number} newest  a replay has ended that began when this was the newest offset */
  caughtUp(newest) {
    this.#replaying = false;
    this.#now(offsets.complete(this.#offsets, newest));
  }

  /**
   * @param {{ newest: number, epoch: string }} pong
   * @param {number | null} held  what was held when it was asked for; null: it is not known
   */
  pong({ newest, epoch }, held) {
    this.#told = newest;
    if (this.#compare(epoch, newest, held)) this.#sync();
    else this.#look();
  }

  /** The service has not given out what we acknowledged: it has gone back. */
  ackRefused() {
    this.#offsets = offsets.NONE;
    this.#line.ping();
  }

  close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#ackTimer);
    this.#env.clearTimeout(this.#gapTimer);
  }

  /**
   * Storage that has gone back gives the lost numbers again: whoever held them must forget that.
   * @param {string} epoch
   * @param {number} newest
   * @param {number | null} held
   */
  #compare(epoch, newest, held) {
    const another = this.#epoch !== null && epoch !== this.#epoch;
    this.#epoch = epoch;
    if (!another && newest >= (held ?? 0)) return false;
    this.#offsets = offsets.NONE;
    this.#line.emit({ kind: "went back" });
    return true;
  }

  /** @param {offsets.Offsets} next */
  #now(next) {
    this.#offsets = next;
    const { now, setTimeout, clearTimeout, timing } = this.#env;
    clearTimeout(this.#ackTimer);
    const most = this.#replaying || this.#syncing ? ACK_EVERY_REPLAYED : ACK_EVERY;
    const due = this.#closed ? null : offsets.dueAt(next, most, timing.ackAfter);
    if (due === null) this.#ackTimer = null;
    else if (due <= now()) this.#line.ping();
    else this.#ackTimer = setTimeout(() => this.#line.ping(), due - now());
    this.#look();
  }

  /** Something is missing, perhaps only overtaken: it has a moment to come by itself. */
  #look() {
    const missing = this.#offsets.ahead.length > 0 || this.#told > (this.#offsets.held ?? 0);
    if (this.#replaying || this.#syncing || this.#closed || !missing) {
      this.#env.clearTimeout(this.#gapTimer);
      this.#gapTimer = null;
    } else {
      this.#gapTimer ??= this.#env.setTimeout(() => this.#sync(), this.#env.timing.gap);
    }
  }

  async #sync() {
    if (this.#syncing || this.#closed) return;
    this.#syncing = true;
    this.#look();
    const epoch = this.#epoch;
    const newest = Math.max(this.#told, offsets.highest(this.#offsets));
    try {
      await this.#line.sync();
      if (epoch !== this.#epoch) return; // these were numbers of another history
      const trimmed = (this.#offsets.held ?? 0) < newest;
      this.#offsets = offsets.complete(this.#offsets, newest);
      // Another device has acknowledged what did not reach us here.
      if (trimmed) this.#line.emit({ kind: "look again" });
    } catch {
      // No connection: the next welcome brings a replay.
    } finally {
      this.#syncing = false;
      this.#now(this.#offsets);
    }
  }
}
