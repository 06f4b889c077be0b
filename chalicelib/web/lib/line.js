import { backoff } from "./backoff.js";
import { decide, sameStatus, START, statusOf } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Pings } from "./pings.js";
import { Requests } from "./requests.js";
import { hasNetwork, isVisible, listen } from "./signals.js";
import { Sockets } from "./sockets.js";
import { Timers } from "./timers.js";
import { askForToken } from "./token.js";

/**
 * The line to the service: does what the connection machine decides, and carries frames both ways. What happens on it
 * is emitted as plain objects, so that it may go to other tabs as it is.
 *
 * @import { Options } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 * @import { Step } from "./connection.js"
 * @import { Socket } from "./socket.js"
 *
 * @typedef {{ kind: string, [more: string]: any }} Emitted
 *
 * @typedef {object} Known  from an earlier line, or from other tabs
 * @property {string | null} [user]  whose it is
 * @property {string | null} [epoch]  what was told of storage
 * @property {string | null} [token]  one that was fetched a moment ago
 * @property {() => boolean} [seenElsewhere]  whether somebody looks at another page that uses this line
 */
export class Line {
  #connection = START;
  #status = statusOf(START);
  #pings = new Pings();
  /** @type {string | null} */ #user;
  /** @type {string | null} */ #handed;
  #deaf = () => {};
  #seenElsewhere;
  #options;
  #env;
  #emit;
  #timers;
  #sockets;
  #inbox;
  #requests;

  /**
   * @param {Options} options
   * @param {Environment} env
   * @param {(event: Emitted) => void} emit
   * @param {Known} [known]
   */
  constructor(options, env, emit, { user = null, epoch = null, token = null, seenElsewhere = () => false } = {}) {
    this.#options = options;
    this.#env = env;
    this.#emit = emit;
    this.#timers = new Timers(env, (name) => this.#rang(name));
    this.#user = user;
    this.#handed = token;
    this.#seenElsewhere = seenElsewhere;
    const asks = { write: (/** @type {object} */ frame) => this.#write(frame), unanswered: () => this.#ping() };
    this.#requests = new Requests(env, asks, options.rate ?? 10);
    this.#sockets = new Sockets(env, options.WebSocket, {
      frame: (socket, frame) => this.#take(socket, frame),
      lost: (n) => this.#happened({ type: "lost", n }),
      closed: (n) => this.#requests.lost(n),
      busy: (n) => this.#requests.waitingOn(n) > 0,
    });
    this.#inbox = new Inbox(env, epoch, {
      ping: () => this.#ping(),
      sync: () => this.#requests.request("sync", {}, { urgent: true, patience: 4 * env.timing.patience }),
      emit,
    });
  }

  get status() {
    return this.#status;
  }

  start() {
    this.#deaf = listen(this.#env, {
      network: (there) => this.#happened({ type: "network", there }),
      visible: (visible) => this.visible(visible),
      woke: () => this.wake(),
    });
    this.#connection = Object.freeze({ ...START, visible: isVisible(this.#env), network: hasNetwork(this.#env) });
    this.#happened({ type: "start" });
  }

  stop() {
    this.#deaf();
    this.#happened({ type: "stop" });
    this.#sockets.closeAll();
    this.#requests.close();
    this.#inbox.close();
  }

  wake() {
    this.#happened({ type: "wake" });
  }

  /** The next attempt is due: in a page that nobody looks at, timers go late. */
  due() {
    const { current, attempt, retryAt } = this.#connection;
    if (!current && !attempt && retryAt !== null && retryAt <= this.#env.clock()) this.#happened({ type: "retry" });
  }

  /** @param {boolean} here  whether this page is visible */
  visible(here) {
    const visible = here || this.#seenElsewhere();
    this.#happened({ type: "visible", visible, quiet: this.#env.now() - this.#heardAt });
  }

  /** @type {Requests["request"]} */
  request(action, parameters, how) {
    return this.#requests.request(action, parameters, how);
  }

  /**
   * Say something that is not worth waiting for: it goes now or never.
   * @param {string} action
   * @param {object} parameters
   */
  tell(action, parameters) {
    if (this.#connection.current && this.#requests.take()) this.#write({ ...parameters, action });
  }

  // --- what the machine decides -------------------------------------------------------------------------------------

  /** @param {{ type: string, [more: string]: any }} happening */
  #happened(happening) {
    const { clock, random, timing } = this.#env;
    const rules = { timing, backoff: (/** @type {number} */ failures) => backoff(failures, timing.backoff, random) };
    const [next, ...steps] = decide(this.#connection, { ...happening, at: clock() }, rules);
    this.#connection = next;
    // Before the steps, so that who hears "resumed" is told that it is live.
    const status = statusOf(next);
    if (!sameStatus(status, this.#status)) {
      this.#status = status;
      this.#emit({ kind: "status", status });
    }
    for (const step of steps) this.#perform(step);
  }

  /** @param {Step} step @returns {unknown} */
  #perform({ n = 0, name = "", ...step }) {
    switch (step.do) {
      case "timer":
        return step.keep ? this.#timers.start(name, step.in ?? 0) : this.#timers.set(name, step.in ?? null);
      case "ask":
        return this.#ask(n);
      case "open":
        return this.#sockets.get(n)?.open(this.#inbox.held);
      case "ping":
        return this.#ping();
      case "live":
        this.#emit({ kind: step.rotated && !this.#inbox.trimmed ? "rotated" : "resumed" });
        return this.#requests.pump();
      case "ask for the rest":
        return this.#sockets.get(n)?.write({ action: "sync", id: `rest-${n}` });
      case "retire":
        return this.#sockets.retire(n);
      case "close":
        return this.#sockets.close(n);
    }
  }

  /** @param {string} name */
  #rang(name) {
    this.#happened({ type: name, silent: this.#pings.silent(this.#heardAt) });
  }

  /** @param {number} n */
  async #ask(n) {
    const socket = this.#sockets.add(n);
    let answer = /** @type {"there" | "none" | "failed"} */ ("failed");
    try {
      const handed = this.#handed;
      this.#handed = null;
      const options = handed === null ? this.#options : { ...this.#options, token: async () => handed };
      const { token, url, claims } = await askForToken(options);
      if (this.#sockets.get(n) !== socket) return; // it took too long
      answer = claims ? "there" : "none";
      if (claims && this.#user !== null && this.#user !== claims.user) return this.#emit({ kind: "another user" });
      if (claims) socket.prepare(url, token, claims.expiresAt);
      if (claims && this.#user === null) this.#emit({ kind: "user", user: (this.#user = claims.user), url });
    } catch {
      // The page's own affair, and an attempt that failed.
    }
    this.#happened({ type: "token", n, token: answer });
  }

  // --- frames -------------------------------------------------------------------------------------------------------

  /** @param {object} frame @returns {number | null} */
  #write(frame) {
    const { current, attempt } = this.#connection;
    const socket = this.#sockets.get(current?.n ?? (attempt?.phase === "catching up" ? attempt.n : undefined));
    if (!socket?.writable) return null;
    socket.write(this.#inbox.riding(frame));
    return socket.n;
  }

  /** When the current socket was heard last. */
  get #heardAt() {
    return this.#sockets.get(this.#connection.current?.n)?.heardAt ?? 0;
  }

  #ping() {
    this.#requests.take();
    this.#write({ action: "ping", id: this.#pings.next(this.#env.now(), this.#heardAt, this.#inbox.held) });
  }

  /** @param {Socket} socket @param {any} frame @returns {unknown} */
  #take(socket, frame) {
    const { n } = socket;
    switch (frame.type) {
      case "welcome":
        socket.welcomed(frame);
        this.#inbox.welcome(frame, socket.held);
        this.#clock(frame, { name: frame.name });
        this.#happened({ type: "welcome", n });
        this.#requests.pump();
        return frame.offline === 0 && this.#caughtUp(socket);
      case "message":
        // What is replayed while we are live, for a rotation or to fill a gap, is news all the same.
        this.#emit({ kind: "frame", frame, fresh: !frame.replay || this.#connection.current !== null });
        return frame.offset && this.#entry(socket, frame.offset, frame.replay === true);
      case "reply":
        return frame.id === `rest-${n}` ? this.#caughtUp(socket) : this.#requests.answered(frame);
      case "error":
        if (frame.code === "bad_request" && frame.details?.field === "ack") this.#inbox.ackRefused();
        if (frame.code === "unauthorized") this.#happened({ type: "unauthorized", n });
        return this.#requests.answered(frame);
      case "pong":
        this.#inbox.pong(frame, this.#pings.heldAt(frame.id));
        return this.#clock(frame);
      case undefined:
        return; // the platform's own word that a function failed: the request is asked again
      default:
        this.#emit({ kind: "frame", frame });
    }
  }

  /** @param {Socket} socket @param {number} offset @param {boolean} replay */
  #entry(socket, offset, replay) {
    this.#inbox.entry(offset, replay);
    if (this.#connection.attempt?.n !== socket.n) return;
    if (offset > socket.reached) {
      socket.reached = offset;
      socket.left--;
    }
    // Nothing durable comes live before the replay has ended.
    if (!replay || socket.left === 0) this.#caughtUp(socket);
    else this.#happened({ type: "progress", n: socket.n });
  }

  /** @param {Socket} socket */
  #caughtUp(socket) {
    if (this.#connection.attempt?.n !== socket.n) return;
    this.#inbox.caughtUp(socket.newest);
    this.#happened({ type: "caught up", n: socket.n, rotateIn: socket.rotateIn });
  }

  /** @param {{ at: number, epoch: string }} frame @param {object} [more] */
  #clock({ at, epoch }, more) {
    this.#emit({ kind: "clock", skew: at - this.#env.clock(), epoch, ...more });
  }
}
