import { Desk } from "./desk.js";

/**
 * A client with a connection of its own.
 *
 * @import { Options, Outbox, Pending } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 * @import { Emitted } from "./line.js"
 */
export class Alone {
  #begin;
  #desk;

  /**
   * @param {Options} options
   * @param {Environment} env
   * @param {Outbox} keeper
   * @param {(event: Emitted) => void} emit
   */
  constructor(options, env, keeper, emit) {
    this.#begin = () => {
      /** @type {Desk} */
      const desk = new Desk(options, env, keeper, (event) => desk === this.#desk && this.#hear(event, emit));
      return desk;
    };
    this.#desk = this.#begin();
  }

  start() {
    this.#desk.start();
  }

  close() {
    this.#desk.stop();
  }

  wake() {
    this.#desk.perform({ do: "wake" });
  }

  /** @param {string} action @param {object} [parameters] @returns {Promise<any>} */
  request(action, parameters) {
    return this.#desk.perform({ do: "request", action, parameters });
  }

  /** @param {string} action @param {object} parameters */
  tell(action, parameters) {
    this.#desk.perform({ do: "tell", action, parameters });
  }

  /** @param {Pending} entry @returns {Promise<void>} */
  keep(entry) {
    return this.#desk.keep(entry);
  }

  /** @param {string} id @returns {Promise<void>} */
  retry(id) {
    return this.#desk.perform({ do: "retry", id });
  }

  /** @param {string} id @returns {Promise<string | null>} */
  discard(id) {
    return this.#desk.perform({ do: "discard", id });
  }

  /** @param {string} id */
  seen(id) {
    this.#desk.perform({ do: "seen", id });
  }

  /** @param {Emitted} event @param {(event: Emitted) => void} emit */
  #hear(event, emit) {
    if (event.kind !== "another user") return emit(event);
    // Somebody else has signed in: nothing of the one before may be sent, or shown, any more.
    const before = this.#desk;
    this.#desk = this.#begin();
    before.stop();
    this.#desk.start();
  }
}
