/**
 * One WebSocket from its token to its end; whatever the platform's class throws or says twice, it is lost once.
 *
 * @import { Environment } from "./environment.js"
 */
export class Socket {
  heardAt = 0;
  expiresAt = Infinity;
  /** What the welcome announced: the server's time, the newest offset, and how many entries are still to come. */
  welcomeAt = 0;
  newest = 0;
  left = 0;
  /** The highest offset that was replayed here: what is asked for again comes twice, and counts once. */
  reached = 0;
  /** The offset up to which everything was held when this socket was opened. @type {number | null} */ held = null;
  #url = "";
  #token = "";
  /** @type {any} */ #socket = null;
  #over = false;
  #env;
  #class;
  #tell;

  /**
   * @param {number} n
   * @param {Environment} env
   * @param {any} WebSocketClass
   * @param {{ frame: (frame: any) => void, lost: () => void }} tell
   */
  constructor(n, env, WebSocketClass, tell) {
    this.n = n;
    this.#env = env;
    this.#class = WebSocketClass ?? env.WebSocket;
    this.#tell = tell;
  }

  get writable() {
    return !this.#over && this.#socket?.readyState === 1;
  }

  /** @param {string} url @param {string} token @param {number} expiresAt */
  prepare(url, token, expiresAt) {
    this.#url = url;
    this.#token = token;
    this.expiresAt = expiresAt;
  }

  /** @param {number | null} held */
  open(held) {
    this.held = held;
    try {
      this.#socket = new this.#class(this.#url, ["kefu.v1", `bearer.${this.#token}`]);
    } catch {
      // No such class, or an address that is none. Later, as every loss comes later.
      Promise.resolve().then(() => this.#lost());
      return;
    }
    this.#token = "";
    this.#socket.onmessage = (/** @type {{ data: unknown }} */ event) => this.#received(event.data);
    this.#socket.onclose = () => this.#lost();
    this.#socket.onerror = () => this.#lost();
  }

  /** @param {{ at: number, newest: number, offline: number }} frame */
  welcomed({ at, newest, offline }) {
    this.welcomeAt = at;
    this.newest = newest;
    this.left = offline;
  }

  /** When it has to be replaced (ms from now): before the platform hangs up, and before its token expires. */
  get rotateIn() {
    const { random, timing } = this.#env;
    const life = this.expiresAt - this.welcomeAt;
    const beforeExpiry = life - Math.min(60_000, life * 0.2);
    return Math.max(1_000, Math.min(timing.rotate + (random() - 0.5) * timing.rotateJitter, beforeExpiry));
  }

  /** @param {object} frame */
  write(frame) {
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch {
      Promise.resolve().then(() => this.#lost());
    }
  }

  close() {
    this.#over = true;
    const socket = this.#socket;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    try {
      socket.close(1000);
    } catch {
      // It was closed already, or never opened.
    }
  }

  /** @param {unknown} data */
  #received(data) {
    if (this.#over) return;
    this.heardAt = this.#env.now();
    let frame = null;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (frame && typeof frame === "object") this.#tell.frame(frame);
  }

  #lost() {
    if (this.#over) return;
    this.#over = true;
    this.#tell.lost();
  }
}
