/** @import { KefuError as Refused } from "./kefu.js" */

/** @implements {Refused} */
export class KefuError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ retry?: boolean, details?: Record<string, unknown> }} [more]
   */
  constructor(code, message, { retry = false, details = {} } = {}) {
    super(message);
    this.name = "KefuError";
    this.code = code;
    this.retry = retry;
    this.details = Object.freeze({ ...details });
  }

  /** What a page shows or a channel carries of it. */
  get plain() {
    return Object.freeze({ code: this.code, message: this.message, retry: this.retry, details: this.details });
  }
}

/** @param {{ code: string, message: string, retry?: boolean, details?: Record<string, unknown> }} plain */
export const refusal = (plain) => new KefuError(plain.code, plain.message, plain);

export const offline = () => new KefuError("offline", "There is no connection to the service.", { retry: true });

export const closed = () => new KefuError("closed", "This client is closed.");

/**
 * Whatever was thrown, as a KefuError.
 * @param {unknown} error
 */
export const asKefuError = (error) =>
  error instanceof KefuError
    ? error
    : new KefuError("internal", error instanceof Error ? error.message : String(error));
