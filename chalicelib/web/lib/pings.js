/** What was asked by pings, so that their answers, and silence, can be understood. */
export class Pings {
  #serial = 0;
  #firstUnanswered = 0;
  /** @type {number | null} */ #held = null;

  /**
   * The id of the next one.
   * @param {number} now
   * @param {number} heardAt  when anything was heard last
   * @param {number | null} held  up to which offset everything is held
   */
  next(now, heardAt, held) {
    if (!this.silent(heardAt)) this.#firstUnanswered = now;
    this.#held = held;
    return `p${++this.#serial}`;
  }

  /** Whether nothing has come since a ping went out. @param {number} heardAt */
  silent(heardAt) {
    return heardAt < this.#firstUnanswered;
  }

  /**
   * What was held when this was asked; null where another one was asked since.
   * @param {string | undefined} id
   */
  heldAt(id) {
    return id === `p${this.#serial}` ? this.#held : null;
  }
}
