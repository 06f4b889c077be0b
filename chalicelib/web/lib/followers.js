import { asKefuError } from "./errors.js";

/**
 * The tabs that follow, as the one that leads sees them: it does what they want, and knows whether anybody is looking.
 *
 * @import { Environment } from "./environment.js"
 * @import { Desk } from "./desk.js"
 * @import { Emitted } from "./line.js"
 */
export class Followers {
  /** Until when each is taken to be visible. @type {Map<string, number>} */ #visible = new Map();
  #env;
  #post;
  #known;

  /**
   * @param {Environment} env
   * @param {(message: object) => void} post
   * @param {() => Emitted[]} known  all that a tab has to hear to know what this one knows
   */
  constructor(env, post, known) {
    this.#env = env;
    this.#post = post;
    this.#known = known;
  }

  /** Whether somebody looks at one of them. */
  get looking() {
    return [...this.#visible.values()].some((until) => until > this.#env.now());
  }

  /**
   * @param {any} message
   * @param {Desk} desk
   * @param {() => boolean} leads  whether that desk still is the one
   */
  heard({ kind, from, id, want, visible }, desk, leads) {
    if (kind === "want") {
      const answer = (/** @type {object} */ what) =>
        id && leads() && this.#post({ kind: "answer", to: from, id, ...what });
      desk.perform(want, from).then(
        (result) => answer({ result }),
        (error) => answer({ error: asKefuError(error).plain }),
      );
    } else if (kind === "here" || kind === "hello") {
      this.#visible.set(from, visible ? this.#env.now() + 2.5 * this.#env.timing.tabHere : 0);
      desk.visible();
      if (kind === "hello") desk.load();
      this.#post({ to: from, ...(kind === "here" ? { kind: "alive" } : { kind: "snapshot", events: this.#known() }) });
    }
  }
}
