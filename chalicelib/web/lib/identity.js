import { backoff } from "./backoff.js";
import { hasNetwork } from "./signals.js";
import { askForToken } from "./token.js";

/**
 * Whose tab this is: asks for a token until there is one, since only a token says so.
 *
 * @import { Options, Status } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 */
export class Identity {
  #attempt = 0;
  #failures = 0;
  /** @type {any} */ #timer = null;
  #asking = false;
  #options;
  #env;
  #tell;

  /**
   * @param {Options} options
   * @param {Environment} env
   * @param {object} tell
   * @param {(status: Status) => void} tell.status
   * @param {(user: string, url: string, token: string) => void} tell.known
   */
  constructor(options, env, tell) {
    this.#options = options;
    this.#env = env;
    this.#tell = tell;
  }

  /** Ask now. */
  async ask() {
    if (this.#asking) return;
    const attempt = ++this.#attempt;
    const { setTimeout, clearTimeout, timing } = this.#env;
    clearTimeout(this.#timer);
    this.#asking = true;
    this.#tell.status({ state: "connecting", reason: null, retryAt: null });
    this.#timer = setTimeout(() => this.#failed(attempt), timing.token);
    try {
      const { token, url, claims } = await askForToken(this.#options);
      if (attempt !== this.#attempt) return;
      this.stop();
      this.#failures = 0;
      if (claims) this.#tell.known(claims.user, url, token);
      else this.#tell.status({ state: "offline", reason: "signed out", retryAt: null });
    } catch {
      // The page's own affair, and an attempt that failed.
      this.#failed(attempt);
    }
  }

  stop() {
    this.#attempt++;
    this.#asking = false;
    this.#env.clearTimeout(this.#timer);
  }

  /** @param {number} attempt */
  #failed(attempt) {
    if (attempt !== this.#attempt) return;
    this.stop();
    const { clock, random, setTimeout, timing } = this.#env;
    const wait = backoff(++this.#failures, timing.backoff, random);
    const reason = hasNetwork(this.#env) ? "unreachable" : "no network";
    this.#tell.status({ state: "offline", reason, retryAt: clock() + wait });
    this.#timer = setTimeout(() => this.ask(), wait);
  }
}
