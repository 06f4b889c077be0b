/** A browser with tabs: they share locks and channels, and each may freeze, or end without a word. */

import { connect } from "../../../chalicelib/web/lib/kefu.js";
import { jwt, settled } from "./world.js";

class Locks {
  /** @type {Map<string, { tab: Tab, reject: (error: Error) => void } | null>} */ #held = new Map();
  /** @type {any[]} */ #queue = [];

  /**
   * @param {Tab} tab
   * @param {string} name
   * @param {any} options
   * @param {() => Promise<void>} sit
   * @returns {Promise<void>}
   */
  request(tab, name, { signal, steal }, sit) {
    return new Promise((resolve, reject) => {
      const asked = { name, tab, sit, resolve, reject };
      if (steal) {
        this.#held.get(name)?.reject(new DOMException("stolen", "AbortError"));
        this.#grant(asked);
        return;
      }
      this.#queue.push(asked);
      signal?.addEventListener("abort", () => {
        this.#queue = this.#queue.filter((each) => each !== asked);
        reject(new DOMException("aborted", "AbortError"));
      });
      queueMicrotask(() => this.#next(name));
    });
  }

  /** @param {Tab} tab */
  forget(tab) {
    this.#queue = this.#queue.filter((each) => each.tab !== tab);
    for (const [name, held] of this.#held) {
      if (held?.tab !== tab) continue;
      this.#held.set(name, null);
      this.#next(name);
    }
  }

  /** @param {string} name */
  #next(name) {
    if (this.#held.get(name)) return;
    const place = this.#queue.findIndex((each) => each.name === name);
    if (place >= 0) this.#grant(this.#queue.splice(place, 1)[0]);
  }

  /** @param {any} asked */
  #grant({ name, tab, sit, resolve, reject }) {
    const held = { tab, reject };
    this.#held.set(name, held);
    sit().then(() => {
      if (this.#held.get(name) === held) this.#held.set(name, null);
      resolve();
      this.#next(name);
    });
  }
}

class Tab {
  alive = true;
  frozen = false;
  /** Its timers go late. */ slow = false;
  /** @type {(() => void)[]} */ #later = [];
  /** @type {any} */ client = null;
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  /** @type {any[]} */ told = [];

  /** Run it now, when the tab thaws, or never. @param {() => void} what */
  runs(what) {
    if (this.frozen) this.#later.push(what);
    else if (this.alive) what();
  }

  /** @param {boolean} visible */
  async shows(visible) {
    this.document.visibilityState = visible ? "visible" : "hidden";
    this.document.dispatchEvent(new Event("visibilitychange"));
    await settled();
  }

  thaw() {
    this.frozen = false;
    for (const what of this.#later.splice(0)) this.runs(what);
  }
}

export class Browser {
  /** All that went through a channel. @type {any[]} */ said = [];
  /** @type {Set<any>} */ #channels = new Set();
  #locks = new Locks();

  /** @param {import("./world.js").World} world @param {import("./service.js").Service} service @param {any} [outbox] */
  constructor(world, service, outbox) {
    this.world = world;
    this.service = service;
    this.outbox = outbox;
  }

  /** Open a tab in which `user` is signed in. @param {string | null} user @param {Record<string, any>} [options] */
  async opens(user, options = {}) {
    const tab = new Tab();
    const { world, service, outbox } = this;
    const channels = this.#channels;
    const { said } = this;
    const Socket = class extends service.WebSocket {
      constructor(/** @type {string} */ url, /** @type {string[]} */ protocols) {
        super(url, protocols);
        this.tab = tab;
      }
    };
    const BroadcastChannel = class {
      /** @type {((event: { data: any }) => void) | null} */ onmessage = null;
      constructor(/** @type {string} */ name) {
        this.name = name;
        this.tab = tab;
        channels.add(this);
      }
      postMessage(/** @type {any} */ message) {
        if (!tab.alive) return;
        said.push(message);
        for (const other of channels) {
          if (other === this || other.name !== this.name) continue;
          const data = structuredClone(message);
          queueMicrotask(() => other.tab.runs(() => other.onmessage?.({ data })));
        }
      }
      close() {
        channels.delete(this);
      }
    };
    const env = {
      ...world.env,
      ...{ WebSocket: Socket, BroadcastChannel, document: tab.document },
      setTimeout: (/** @type {() => void} */ callback, /** @type {number} */ ms) =>
        world.env.setTimeout(() => {
          if (tab.slow) world.env.setTimeout(() => tab.runs(callback), 60_000);
          else tab.runs(callback);
        }, ms),
      locks: { request: (/** @type {[string, any, any]} */ ...asked) => this.#locks.request(tab, ...asked) },
    };
    const token = async () => (user === null ? null : jwt(user));
    const client = connect({ url: "wss://kefu.example/ws", token, ...(outbox && { outbox }), ...options }, env);
    for (const event of /** @type {const} */ (["status", "message", "conversation", "resumed"])) {
      client.on(event, (value) => tab.told.push({ event, value }));
    }
    await settled();
    return Object.assign(tab, { client });
  }

  /** A tab crashes: nothing in it runs any more, and the browser clears up. @param {Tab} tab */
  async crash(tab) {
    tab.alive = false;
    for (const channel of this.#channels) if (channel.tab === tab) this.#channels.delete(channel);
    for (const socket of this.service.open) if (/** @type {any} */ (socket).tab === tab) socket.end();
    this.#locks.forget(tab);
    await settled();
  }
}
