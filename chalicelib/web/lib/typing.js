/**
 * Who is writing: what the other side says lapses by itself; what this side says is sent seldom, and taken back.
 *
 * @import { Environment } from "./environment.js"
 */
export class Typing {
  /** @type {any} */ #lapse = null;
  /** @type {any} */ #ceased = null;
  /** When it was said last that this side writes; 0: it does not. */ #saidAt = 0;
  #env;
  #say;
  #lapsed;

  /** @param {Environment} env @param {(on: boolean) => void} say @param {() => void} lapsed */
  constructor(env, say, lapsed) {
    this.#env = env;
    this.#say = say;
    this.#lapsed = lapsed;
  }

  /** @param {boolean} on */
  other(on) {
    this.#env.clearTimeout(this.#lapse);
    if (on) this.#lapse = this.#env.setTimeout(this.#lapsed, this.#env.timing.typingLapses);
  }

  /** @param {boolean} on */
  own(on) {
    const { now, setTimeout, clearTimeout, timing } = this.#env;
    clearTimeout(this.#ceased);
    if (!on) return this.#cease();
    if (now() - this.#saidAt >= timing.typingEvery) {
      this.#saidAt = now();
      this.#say(true);
    }
    this.#ceased = setTimeout(() => this.#cease(), timing.typingEvery + 1_000);
  }

  /** A message says by itself that nobody writes any more. */
  wrote() {
    this.#env.clearTimeout(this.#ceased);
    this.#saidAt = 0;
  }

  stop() {
    this.#env.clearTimeout(this.#ceased);
    this.#env.clearTimeout(this.#lapse);
  }

  #cease() {
    if (this.#saidAt) this.#say(false);
    this.#saidAt = 0;
  }
}
