import { freshId } from "./ids.js";
import { closed, offline } from "./errors.js";

/**
 * What a tab has asked for and has no answer to yet, whoever is going to give it.
 *
 * @import { Environment } from "./environment.js"
 * @import { KefuError } from "./errors.js"
 * @typedef {{ do: string, [parameter: string]: any }} Want
 *
 * @typedef {object} Asked
 * @property {string} id
 * @property {Want} want
 * @property {any} timer
 * @property {(value: any) => void} resolve
 * @property {(error: KefuError) => void} reject
 */
export class Outstanding {
  /** @type {Map<string, Asked>} */ #asked = new Map();
  #closed = false;
  #env;
  #send;

  /** @param {Environment} env @param {(asked: Asked) => void} send */
  constructor(env, send) {
    this.#env = env;
    this.#send = send;
  }

  /** @param {Want} want @returns {Promise<any>} */
  ask(want) {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const id = freshId();
      // Whoever leads gives up earlier; this is for when nobody does.
      const { setTimeout, timing } = this.#env;
      const timer = setTimeout(() => this.settle(id, ({ reject: refuse }) => refuse(offline())), 1.5 * timing.patience);
      const asked = { id, want, timer, resolve, reject };
      this.#asked.set(id, asked);
      this.#send(asked);
    });
  }

  /** Somebody else answers from now on. */
  sendAgain() {
    for (const asked of [...this.#asked.values()]) this.#send(asked);
  }

  /** @param {string} id @param {(asked: Asked) => void} how */
  settle(id, how) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    this.#env.clearTimeout(asked.timer);
    how(asked);
  }

  close() {
    this.#closed = true;
    this.drop();
  }

  /** Nobody is to answer any more. */
  drop() {
    for (const id of [...this.#asked.keys()]) this.settle(id, ({ reject }) => reject(closed()));
  }
}
