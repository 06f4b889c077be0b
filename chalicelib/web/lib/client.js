import { sameStatus } from "./connection.js";
import { Conversation } from "./conversations.js";
import { Listeners } from "./listeners.js";
import { Lookup } from "./lookup.js";

/**
 * A client: hears what happens on the line, wherever that is, and keeps what is known of each conversation.
 *
 * @import { Client as Face, ConversationObject, Events, Status } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 * @import { Emitted } from "./line.js"
 * @import { Alone } from "./alone.js"
 *
 * @typedef {Pick<Alone, "start" | "close" | "wake" | "request" | "tell" | "keep" | "retry" | "discard" | "seen">} Link
 *
 * @typedef {object} Hub  what a conversation sees of its client
 * @property {string | null} user
 * @property {string | null} name
 * @property {boolean} live
 * @property {Environment} env
 * @property {Link} link
 * @property {() => number} now
 * @property {() => void} lookUp
 * @property {<K extends keyof Events>(event: K, value: Events[K]) => void} tell
 * @property {(action: string, parameters?: object) => Promise<any>} request
 */

/** @implements {Face} @implements {Hub} */
export class Client {
  /** @type {Status} */ #status = Object.freeze({ state: "offline", reason: "closed", retryAt: null });
  /** @type {string | null} */ #user = null;
  /** @type {string | null} */ #name = null;
  #skew = 0;
  /** @type {Map<string, Conversation>} */ #conversations = new Map();
  /** @type {Map<string, Listeners<any>>} */ #listeners = new Map();
  /** During a rotation two sockets bring the same. @type {string[]} */ #notices = [];
  #lookup;

  /**
   * @param {Environment} env
   * @param {(emit: (event: Emitted) => void, objects: () => ConversationObject[]) => Link} connected
   */
  constructor(env, connected) {
    this.env = env;
    const objects = () => [...this.#conversations.values()].flatMap(({ view: { object } }) => (object ? [object] : []));
    this.link = connected((event) => this.#hear(event), objects);
    this.#lookup = new Lookup(this, () => this.#conversations.values());
    this.link.start();
  }

  get status() {
    return this.#status;
  }

  get user() {
    return this.#user;
  }

  get name() {
    return this.#name;
  }

  get live() {
    return this.#status.state === "live";
  }

  /** @type {Face["on"]} */
  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Listeners(this.env.report);
    this.#listeners.set(event, listeners);
    return listeners.add(listener);
  }

  /** @type {Face["conversation"]} */
  conversation(id) {
    let found = this.#conversations.get(id);
    if (!found) this.#conversations.set(id, (found = new Conversation(id, this)));
    return found;
  }

  /** @type {Face["conversations"]} */
  conversations(query = {}) {
    return this.request("conversations", query);
  }

  /** @type {Face["request"]} */
  async request(action, parameters = {}) {
    const result = await this.link.request(action, parameters);
    for (const object of result.conversations ?? []) this.#note(object);
    if (typeof result.conversation === "object") this.#note(result.conversation);
    return result;
  }

  now() {
    return this.env.clock() + this.#skew;
  }

  wake() {
    this.link.wake();
  }

  close() {
    this.link.close();
    for (const conversation of this.#conversations.values()) conversation.stop();
  }

  lookUp() {
    this.#lookup.soon();
  }

  /** @type {Hub["tell"]} */
  tell(event, value) {
    this.#listeners.get(event)?.tell(value);
  }

  /** @param {ConversationObject} object @param {boolean} [fresh] */
  #note(object, fresh = false) {
    this.#at(object.conversation).noted(object, fresh);
  }

  /** @param {string} id @returns {Conversation} */
  #at(id) {
    return /** @type {Conversation} */ (this.conversation(id));
  }

  /** @param {Emitted} event */
  #hear(event) {
    const all = this.#conversations.values();
    switch (event.kind) {
      case "status":
        this.#stand(event.status);
        break;
      case "user":
        if (event.user === this.#user) break;
        this.#user = event.user;
        for (const conversation of all) conversation.ownedBy(event.user);
        break;
      case "clock":
        this.#skew = event.skew;
        if (event.name) this.#name = event.name;
        break;
      case "frame":
        this.#frame(event.frame, event.fresh);
        break;
      case "resumed":
      case "look again":
        for (const conversation of all) conversation.resumed();
        this.lookUp();
        this.tell("resumed", Object.freeze({ user: this.#user ?? "" }));
        break;
      case "rotated":
        for (const conversation of all) conversation.rotated();
        break;
      case "went back":
        for (const conversation of all) conversation.wentBack();
        break;
      case "object":
        this.#note(event.object);
        break;
      case "pending":
        this.#at(event.entry.conversation).pended(event.entry);
        break;
      case "unpended":
        this.#at(event.conversation).unpended(event.id);
        break;
      case "sent":
        this.#at(event.conversation).sent(/** @type {any} */ (event));
        break;
    }
  }

  /** @param {Status} status */
  #stand(status) {
    if (sameStatus(status, this.#status)) return;
    this.#status = Object.freeze(status);
    this.tell("status", this.#status);
  }

  /** @param {any} frame @param {boolean} fresh */
  #frame(frame, fresh) {
    switch (frame.type) {
      case "message":
        this.#at(frame.conversation).received(frame, fresh);
        break;
      case "conversation":
        this.#note(frame.conversation, true);
        break;
      case "read":
        this.#at(frame.conversation).readBy(frame.side, frame.seq);
        break;
      case "typing":
        this.#at(frame.conversation).typed(frame.from, frame.on);
        break;
      case "notice":
        this.#notice(frame);
        break;
    }
  }

  /** @param {{ text: string, at: number }} notice */
  #notice({ text, at }) {
    const key = `${at} ${text}`;
    if (this.#notices.includes(key)) return;
    this.#notices = [...this.#notices.slice(-15), key];
    this.tell("notice", Object.freeze({ text, at }));
  }
}
