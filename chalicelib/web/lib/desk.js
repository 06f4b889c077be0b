import { Line } from "./line.js";
import { Sender } from "./sender.js";
import { isVisible } from "./signals.js";
import { Watchers } from "./watchers.js";

/**
 * The line and the outbox's sender together: of each user one in a browser, in whichever tab holds the connection.
 *
 * @import { Options, Outbox, Pending, Status } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 * @import { Emitted, Known } from "./line.js"
 * @import { Want } from "./outstanding.js"
 */
export class Desk {
  /** @type {Sender | null} */ #sender = null;
  /** Resolves when it is known whose outbox it is. @type {Promise<Sender>} */ #opened;
  /** @type {(sender: Sender) => void} */ #open = () => {};
  #keeper;
  #env;
  #emit;
  #line;
  #scope = "";
  #watchers = new Watchers();

  /**
   * @param {Options} options
   * @param {Environment} env
   * @param {Outbox} keeper
   * @param {(event: Emitted) => void} emit
   * @param {Known & { user: string, url: string }} [known]  what an earlier desk knew
   */
  constructor(options, env, keeper, emit, known) {
    this.#keeper = keeper;
    this.#env = env;
    this.#emit = emit;
    this.#line = new Line(options, env, (event) => this.#hear(event), known);
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    if (known) this.#openOutbox(known.url, known.user);
  }

  start() {
    this.#line.start();
  }

  stop() {
    this.#sender?.stop();
    this.#line.stop();
  }

  /** Somebody else may be looking now, or nobody any more. */
  visible() {
    this.#line.visible(isVisible(this.#env));
  }

  /** A tab has come; one before it may have gone as soon as it had kept something. */
  load() {
    this.#sender?.load();
  }

  /** @param {Pending} entry */
  async keep(entry) {
    const sender = await this.#opened;
    // An outbox that cannot keep it is no reason not to send it.
    await this.#keeper.put(this.#scope, entry).catch(this.#env.report);
    sender.adopt(entry);
  }

  /**
   * Do what a tab wants.
   * @param {Want} want
   * @param {string} [tab]
   * @returns {Promise<any>}
   */
  async perform({ do: what, id, action, parameters, entry }, tab = "") {
    switch (what) {
      case "request":
        if (!this.#watchers.concerns(tab, action, parameters)) return {};
        // What a person waits for goes before what pages load.
        return this.#line.request(action, parameters, { urgent: action !== "history" && action !== "conversations" });
      case "tell":
        return this.#line.tell(action, parameters);
      case "adopt":
        return this.#sender?.adopt(entry);
      case "retry":
        return this.#sender?.retry(id);
      case "discard":
        return this.#sender?.discard(id) ?? null;
      case "seen":
        return this.#sender?.seen(id);
      case "wake":
        return this.#line.wake();
      case "due":
        return this.#line.due();
    }
  }

  /** @param {Emitted} event */
  #hear(event) {
    if (event.kind === "user" && !this.#sender) this.#openOutbox(event.url, event.user);
    this.#emit(event);
    if (event.kind === "status") this.#sender?.connected(canSend(event.status));
  }

  /** @param {string} url @param {string} user */
  #openOutbox(url, user) {
    this.#scope = scopeOf(url, user);
    /** @type {import("./requests.js").Requests["request"]} */
    const request = (action, parameters, how) => this.#line.request(action, parameters, how);
    const sender = new Sender(this.#keeper, this.#scope, request, this.#emit, this.#env.report);
    this.#sender = sender;
    this.#open(sender);
    sender.connected(canSend(this.#line.status));
    sender.load();
  }
}

/** @param {Status} status */
const canSend = ({ state }) => state === "live" || state === "catching up";

/**
 * What belongs together: one service, one user.
 * @param {string} url
 * @param {string} user
 */
export const scopeOf = (url, user) => `${url.split("?")[0]} ${user}`;
