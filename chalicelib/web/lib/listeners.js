/**
 * Those who want to be told. What one throws is its own affair: it is reported, and the others hear all the same.
 * @template T
 */
export class Listeners {
  /** @type {Set<(value: T) => void>} */ #all = new Set();
  #report;

  /** @param {(error: unknown) => void} report */
  constructor(report) {
    this.#report = report;
  }

  get size() {
    return this.#all.size;
  }

  /** @param {(value: T) => void} listener @returns {() => void}  takes it away again */
  add(listener) {
    // A function of its own, so that who listens twice is told twice.
    const own = (/** @type {T} */ value) => listener(value);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /** @param {T} value */
  tell(value) {
    for (const listener of [...this.#all]) {
      try {
        listener(value);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
