/**
 * Timers by name, of each name one.
 *
 * @import { Environment } from "./environment.js"
 */
export class Timers {
  /** @type {Map<string, any>} */ #running = new Map();
  #env;
  #due;

  /** @param {Environment} env @param {(name: string) => void} due */
  constructor(env, due) {
    this.#env = env;
    this.#due = due;
  }

  /** @param {string} name @param {number | null} ms  null: none any more */
  set(name, ms) {
    this.#env.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
    if (ms === null) return;
    const timer = this.#env.setTimeout(() => {
      this.#running.delete(name);
      this.#due(name);
    }, ms);
    this.#running.set(name, timer);
  }

  /** Start it unless it runs already. @param {string} name @param {number} ms */
  start(name, ms) {
    if (!this.#running.has(name)) this.set(name, ms);
  }
}
