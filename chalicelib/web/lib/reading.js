/**
 * Moves this side's read mark at the service: the newest wish only, one request at a time.
 *
 * @import { KefuError } from "./errors.js"
 */
export class Reading {
  #wanted = 0;
  #busy = false;
  #failed = false;
  #send;

  /** @param {(seq: number) => Promise<unknown>} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {number} seq @returns {boolean}  whether that is news */
  upTo(seq) {
    if (seq <= this.#wanted) return false;
    this.#wanted = seq;
    this.#run();
    return true;
  }

  /** There is a connection again. */
  again() {
    if (this.#failed) this.#run();
  }

  /** Storage has gone back, or it is somebody else's mark now. */
  forget() {
    this.#wanted = 0;
    this.#failed = false;
  }

  async #run() {
    if (this.#busy) return;
    this.#busy = true;
    this.#failed = false;
    try {
      for (let seq = 0; seq < this.#wanted;) {
        seq = this.#wanted;
        await this.#send(seq);
      }
    } catch (error) {
      // A refusal is final: what may not be read needs no mark.
      this.#failed = /** @type {KefuError} */ (error).retry;
    } finally {
      this.#busy = false;
    }
  }
}
