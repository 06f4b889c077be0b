import { Socket } from "./socket.js";

/**
 * The sockets of a line by their numbers: during a rotation there are two, and one that retires.
 *
 * @import { Environment } from "./environment.js"
 */
export class Sockets {
  /** @type {Map<number, Socket>} */ #open = new Map();
  #env;
  #class;
  #tell;

  /**
   * @param {Environment} env
   * @param {unknown} WebSocketClass
   * @param {object} tell
   * @param {(socket: Socket, frame: any) => void} tell.frame
   * @param {(n: number) => void} tell.lost
   * @param {(n: number) => void} tell.closed  what was asked there will not be answered
   * @param {(n: number) => boolean} tell.busy  whether answers are still to come there
   */
  constructor(env, WebSocketClass, tell) {
    this.#env = env;
    this.#class = WebSocketClass;
    this.#tell = tell;
  }

  /** @param {number | undefined} n */
  get(n) {
    return this.#open.get(n ?? 0);
  }

  /** @param {number} n */
  add(n) {
    const socket = new Socket(n, this.#env, this.#class, {
      frame: (frame) => this.#open.has(n) && this.#tell.frame(socket, frame),
      lost: () => this.#tell.lost(n),
    });
    this.#open.set(n, socket);
    return socket;
  }

  /** @param {number} n */
  close(n) {
    this.#open.get(n)?.close();
    this.#open.delete(n);
    this.#tell.closed(n);
  }

  closeAll() {
    for (const n of [...this.#open.keys()]) this.close(n);
  }

  /** Close it when its last answers have come. @param {number} n */
  retire(n) {
    const { now, setTimeout, timing } = this.#env;
    const latest = now() + timing.linger;
    const look = () => {
      // Not at once in any case: watches are made anew on the other socket first.
      if (now() >= latest || !this.#tell.busy(n)) this.close(n);
      else setTimeout(look, timing.linger / 10);
    };
    setTimeout(look, timing.linger / 5);
  }
}
