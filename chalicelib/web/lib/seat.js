/**
 * The seat of the tab that leads: one for all tabs of a browser, and free again as soon as its tab is gone.
 */
export class Seat {
  /** @type {AbortController | null} */ #waiting = null;
  /** @type {(() => void) | null} */ #release = null;
  #left = false;
  #locks;
  #name;
  #tell;

  /**
   * @param {LockManager} locks
   * @param {string} name
   * @param {{ taken: () => void, lost: () => void }} tell  `lost`: another tab took it, since this one did not answer
   */
  constructor(locks, name, tell) {
    this.#locks = locks;
    this.#name = name;
    this.#tell = tell;
  }

  /** Take the seat when it is free. */
  wait() {
    this.#waiting = new AbortController();
    this.#ask({ signal: this.#waiting.signal });
  }

  /** Take it from a tab that has stopped. */
  steal() {
    this.#waiting?.abort();
    this.#ask({ steal: true });
  }

  /** For good; what was asked for may be granted later all the same. */
  leave() {
    this.#left = true;
    this.#waiting?.abort();
    this.#release?.();
    this.#release = null;
  }

  /** @param {LockOptions} options */
  #ask(options) {
    let release = () => {};
    const held = new Promise((/** @type {(value: void) => void} */ resolve) => (release = resolve));
    const sit = () => {
      if (this.#left) return;
      this.#waiting = null;
      this.#release = release;
      this.#tell.taken();
      return held;
    };
    this.#locks.request(this.#name, options, sit).catch((error) => {
      if (this.#release === release) {
        this.#release = null;
        this.#tell.lost();
      } else if (error?.name !== "AbortError") {
        sit(); // no locks in this place (a sandbox, say): each tab for itself
      }
    });
  }
}
