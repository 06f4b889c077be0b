import { isVisible } from "./signals.js";
import { Timers } from "./timers.js";

/**
 * A tab that follows says from time to time that it is there, and notices when nobody answers: a tab that leads can
 * stop without ending, as on a phone in the background.
 *
 * @import { Environment } from "./environment.js"
 */
export class Presence {
  #timers;
  #env;
  #tell;

  /**
   * @param {Environment} env
   * @param {object} tell
   * @param {() => boolean} tell.follows  whether this tab has a leading one to look to
   * @param {(visible: boolean) => void} tell.here  say that this tab is there
   * @param {() => void} tell.gone  the leading tab says nothing, and somebody is looking at this one
   */
  constructor(env, tell) {
    this.#env = env;
    this.#tell = tell;
    this.#timers = new Timers(env, (name) => (name === "here" ? this.say() : this.#silent()));
  }

  /** Say, now and from time to time, that this tab is there. */
  say() {
    const { random, timing } = this.#env;
    const visible = isVisible(this.#env);
    if (!this.#tell.follows()) return this.#timers.set("here", null);
    this.#tell.here(visible);
    this.#timers.set("here", visible ? timing.tabHere : null);
    // Not all at once: the first to take over is the one that the others hear.
    if (visible) this.#timers.start("silence", timing.tabAnswer * (1 + random() / 4));
  }

  /** The leading tab was heard. */
  answered() {
    this.#timers.set("silence", null);
  }

  stop() {
    this.#timers.set("silence", null);
    this.#timers.set("here", null);
  }

  #silent() {
    if (this.#tell.follows() && isVisible(this.#env)) this.#tell.gone();
  }
}
