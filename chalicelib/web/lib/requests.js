import { backoff } from "./backoff.js";
import { IN_FLIGHT } from "./environment.js";
import { closed, KefuError, offline, refusal } from "./errors.js";

/**
 * Requests on their way: a few at a time, no faster than the service allows, asked again until they are answered.
 *
 * Everything in the protocol may be asked twice: `send` is stored once for its id, all others change nothing more. So
 * what went down with a socket, or was never answered, is simply asked again.
 *
 * @import { Environment } from "./environment.js"
 *
 * @typedef {object} Entry
 * @property {{ action: string, id: string, [parameter: string]: unknown }} frame
 * @property {boolean} patient  never given up
 * @property {boolean} urgent
 * @property {number} until  given up when it would be later (ms)
 * @property {number} tries
 * @property {number | null} on  the socket that it was written to
 * @property {any} timer  for giving up
 * @property {any} pause  for asking again
 * @property {KefuError | null} refused  what was said last
 * @property {(result: any) => void} resolve
 * @property {(error: KefuError) => void} reject
 */
export class Requests {
  /** @type {Map<string, Entry>} */ #inFlight = new Map();
  /** @type {Entry[]} */ #waiting = [];
  /** @type {Set<Entry>} */ #all = new Set();
  #serial = 0;
  #emptyAt = 0;
  #pausedUntil = 0;
  /** @type {any} */ #pump = null;
  #closed = false;
  #env;
  #write;
  #rate;
  #unanswered;

  /**
   * @param {Environment} env
   * @param {object} line
   * @param {(frame: object) => number | null} line.write  the number of the socket that took it; null: there is none
   * @param {() => void} line.unanswered  is the connection alive?
   * @param {number} rate  requests a second, 0: any number
   */
  constructor(env, { write, unanswered }, rate) {
    this.#env = env;
    this.#write = write;
    this.#unanswered = unanswered;
    this.#rate = rate;
  }

  /**
   * @param {string} action
   * @param {object} [parameters]
   * @param {{ id?: string, patient?: boolean, urgent?: boolean, patience?: number }} [how]
   * @returns {Promise<any>}
   */
  request(action, parameters = {}, how = {}) {
    if (this.#closed) return Promise.reject(closed());
    const { now, setTimeout, timing } = this.#env;
    const { id, patient = false, urgent = patient, patience = timing.patience } = how;
    return new Promise((resolve, reject) => {
      /** @type {Entry} */
      const entry = {
        ...{ frame: { ...parameters, action, id: id ?? `r${++this.#serial}` }, patient, urgent, resolve, reject },
        ...{
          until: patient ? Infinity : now() + patience,
          tries: 0,
          on: null,
          timer: null,
          pause: null,
          refused: null,
        },
      };
      this.#all.add(entry);
      if (!patient) entry.timer = setTimeout(() => this.#giveUp(entry), patience);
      this.#queue(entry);
      this.pump();
    });
  }

  /** Whether a frame that nobody waits for may go now; what may is counted. */
  take() {
    if (!this.#rate) return true;
    const at = this.#env.now();
    const interval = 1000 / this.#rate;
    const emptyAt = Math.max(this.#emptyAt, at) + interval;
    // The service lets four seconds' worth come at once; a quarter of it is left to the user's other devices.
    if (emptyAt - at > 3 * 1000) return false;
    this.#emptyAt = emptyAt;
    return true;
  }

  /**
   * A reply or an error has come. True where one of these waited for it.
   * @param {any} frame
   */
  answered(frame) {
    const entry = this.#inFlight.get(frame.id);
    if (!entry) return false;
    if (frame.type === "reply") this.#finish(entry, () => entry.resolve(frame.result));
    else this.#refused(entry, refusal(frame));
    this.pump();
    return true;
  }

  /** @param {number} n  a socket that is no more: what was asked there is asked again */
  lost(n) {
    for (const entry of [...this.#inFlight.values()].reverse()) if (entry.on === n) this.#again(entry, 0);
    this.pump();
  }

  /** @param {number} n  how many requests wait for an answer there */
  waitingOn(n) {
    let count = 0;
    for (const entry of this.#inFlight.values()) if (entry.on === n) count++;
    return count;
  }

  /** Send what may be sent: there is a connection, or room, or time has passed. */
  pump() {
    const { now, setTimeout, clearTimeout, timing } = this.#env;
    clearTimeout(this.#pump);
    while (this.#waiting.length && this.#inFlight.size < IN_FLIGHT) {
      const wait = Math.max(this.#pausedUntil - now(), 0);
      if (wait || !this.take()) {
        this.#pump = setTimeout(() => this.pump(), wait || 1000 / this.#rate);
        return;
      }
      const entry = this.#waiting[0];
      const on = this.#write(entry.frame);
      if (on === null) return;
      this.#waiting.shift();
      entry.on = on;
      entry.tries++;
      this.#inFlight.set(entry.frame.id, entry);
      // The answer to `sync` comes after a whole replay.
      const patience = entry.frame.action === "sync" ? timing.patience : timing.answer;
      entry.pause = setTimeout(() => this.#silent(entry), patience);
    }
  }

  close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#pump);
    for (const entry of this.#all) this.#finish(entry, () => entry.reject(closed()));
  }

  /** @param {Entry} entry @param {KefuError} error */
  #refused(entry, error) {
    const { now, random, timing } = this.#env;
    entry.refused = error;
    // The connection is made anew, or the frame's `ack` was wrong: no word about the request itself.
    const beside = error.code === "unauthorized" || (error.code === "bad_request" && error.details.field === "ack");
    if (beside && entry.tries < 10) return this.#again(entry, 0);
    let wait = backoff(entry.tries, timing.retry, random);
    if (error.code === "rate_limited") {
      wait = Number(error.details.retry_after_ms) || 1000;
      this.#pausedUntil = Math.max(this.#pausedUntil, now() + wait + random() * 100);
    }
    const hopeless = error.code === "internal" && entry.tries >= 3 && !entry.patient;
    const final = !error.retry && !(beside && entry.patient);
    if (final || hopeless || now() + wait > entry.until) {
      this.#finish(entry, () => entry.reject(error));
    } else {
      this.#again(entry, wait);
    }
  }

  /** @param {Entry} entry */
  #silent(entry) {
    this.#unanswered();
    this.#again(entry, 0);
    this.pump();
  }

  /** @param {Entry} entry @param {number} wait */
  #again(entry, wait) {
    this.#env.clearTimeout(entry.pause);
    this.#inFlight.delete(entry.frame.id);
    entry.on = null;
    if (!wait) return this.#queue(entry, true);
    entry.pause = this.#env.setTimeout(() => {
      this.#queue(entry, true);
      this.pump();
    }, wait);
  }

  /** @param {Entry} entry @param {boolean} [first]  before those that are as urgent as it */
  #queue(entry, first = false) {
    const behind = this.#waiting.findIndex(({ urgent }) => (first ? entry.urgent || !urgent : entry.urgent && !urgent));
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, entry);
  }

  /** @param {Entry} entry */
  #giveUp(entry) {
    this.#finish(entry, () => entry.reject(entry.refused ?? offline()));
    this.pump();
  }

  /** @param {Entry} entry @param {() => void} tell */
  #finish(entry, tell) {
    this.#env.clearTimeout(entry.timer);
    this.#env.clearTimeout(entry.pause);
    this.#all.delete(entry);
    this.#inFlight.delete(entry.frame.id);
    const place = this.#waiting.indexOf(entry);
    if (place >= 0) this.#waiting.splice(place, 1);
    tell();
  }
}
