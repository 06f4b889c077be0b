/** A world for the library in which time passes when a test says so. */

import { connect } from "../../../chalicelib/web/lib/kefu.js";

const START = 1_800_000_000_000;

export class World {
  now = START;
  /** @type {Map<number, { at: number, callback: () => void }>} */ #timers = new Map();
  #serial = 0;
  /** @type {unknown[]} */ reported = [];
  /** What the library finds around it. */
  env = {
    now: () => this.now,
    random: () => 0.5,
    setTimeout: (/** @type {() => void} */ callback, /** @type {number} */ ms) => {
      this.#timers.set(++this.#serial, { at: this.now + Math.max(0, ms), callback });
      return this.#serial;
    },
    clearTimeout: (/** @type {number} */ timer) => void this.#timers.delete(timer),
    report: (/** @type {unknown} */ error) => void this.reported.push(error),
    /** @type {any} */ locks: undefined,
    window: new Target(),
    document: Object.assign(new Target(), { visibilityState: "visible" }),
    navigator: { onLine: true },
    /** @type {any} */ WebSocket: undefined,
    /** @type {any} */ indexedDB: undefined,
  };

  get timers() {
    return this.#timers.size;
  }

  /** Let `ms` pass, with all that happens meanwhile. @param {number} ms */
  async pass(ms) {
    const until = this.now + ms;
    await settled();
    for (;;) {
      const [next] = [...this.#timers]
        .filter(([, { at }]) => at <= until)
        .sort(([, one], [, other]) => one.at - other.at);
      if (!next) break;
      const [timer, { at, callback }] = next;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, at);
      callback();
      await settled();
    }
    this.now = until;
  }

  /** The machine sleeps: time passes, and nothing happens. @param {number} ms */
  sleep(ms) {
    this.now += ms;
  }

  /** @param {boolean} there */
  async network(there) {
    this.env.navigator.onLine = there;
    this.env.window.dispatchEvent(new Event(there ? "online" : "offline"));
    await settled();
  }

  /** @param {boolean} visible */
  async visible(visible) {
    this.env.document.visibilityState = visible ? "visible" : "hidden";
    this.env.document.dispatchEvent(new Event("visibilitychange"));
    await settled();
  }
}

class Target extends EventTarget {}

/** All that follows from what has happened, promises included. */
export async function settled() {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A token as the library reads it. @param {string} sub @param {number} expiresAt  ms */
export function jwt(sub, expiresAt = START + 24 * 3_600_000) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part({ sub, exp: expiresAt / 1000, name: "名字" })}.signature`;
}

/**
 * A client of `user` at `service`, with all that it told.
 * @param {World} world
 * @param {import("./service.js").Service} service
 * @param {string} user
 * @param {Record<string, any>} [options]
 */
export async function joins(world, service, user, options = {}) {
  const told = /** @type {any[]} */ ([]);
  const token = async () => jwt(user);
  const env = { ...world.env, WebSocket: service.WebSocket, ...options.env };
  const client = connect({ url: "wss://kefu.example/ws", token, ...options }, env);
  for (const event of /** @type {const} */ (["status", "message", "conversation", "resumed", "notice"])) {
    client.on(event, (value) => told.push({ event, value }));
  }
  await settled();
  const heard = () => told.filter(({ event }) => event === "message").map(({ value }) => value.message.body.text);
  const states = () => told.filter(({ event }) => event === "status").map(({ value }) => value.state);
  return { client, told, heard, states };
}
