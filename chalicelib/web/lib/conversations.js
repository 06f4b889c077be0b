import * as conversation from "./conversation.js";
import { freshId } from "./ids.js";
import { Listeners } from "./listeners.js";
import { newest } from "./messages.js";
import { Reading } from "./reading.js";
import { Tending } from "./tending.js";
import { Typing } from "./typing.js";
import { signOf, withObject } from "./unread.js";
import * as written from "./written.js";

/**
 * A conversation as callers hold it: its state, its listeners, and what is asked for so that it lacks nothing.
 *
 * @import { Conversation as Face, ConversationObject, ConversationView, Message, Pending, Sender } from "./kefu.js"
 * @import { Change, State } from "./conversation.js"
 * @import { Hub } from "./client.js"
 * @implements {Face}
 */
export class Conversation {
  #hub;
  /** @type {State} */ #state;
  /** @type {{ state: State, view: ConversationView } | null} */ #shown = null;
  /** @type {Listeners<ConversationView>} */ #listeners;
  #notifying = false;
  #toldObject = "";
  #reading;
  #typing;
  #tending;

  /** @param {string} id @param {Hub} hub */
  constructor(id, hub) {
    this.#hub = hub;
    this.#listeners = new Listeners(hub.env.report);
    this.#state = conversation.create(id, hub.user ?? "");
    this.#typing = new Typing(
      hub.env,
      (on) => hub.link.tell("typing", { conversation: id, on }),
      () => this.#set(conversation.typing(this.#state, null)),
    );
    this.#reading = new Reading((seq) => hub.link.request("read", { conversation: id, seq }));
    this.#tending = new Tending(hub, {
      id,
      state: () => this.#state,
      set: (state) => this.#set(state),
      apply: (change) => this.#apply(change),
      open: () => this.open,
    });
  }

  get id() {
    return this.#state.id;
  }

  get view() {
    if (this.#shown?.state !== this.#state) {
      this.#shown = { state: this.#state, view: conversation.viewOf(this.#state) };
    }
    return this.#shown.view;
  }

  get open() {
    return this.#listeners.size > 0;
  }

  /** @type {Face["subscribe"]} */
  subscribe(listener) {
    const leave = this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      if (!this.#state.object) this.#hub.lookUp();
      this.#tending.lookForMore();
    }
    return leave;
  }

  /** @type {Face["send"]} */
  async send(text) {
    written.check(text);
    const entry = written.entry(this.id, freshId(), text, this.#hub.env.clock());
    this.#typing.wrote();
    this.pended(entry);
    await this.#hub.link.keep(entry);
    return entry.id;
  }

  /** @type {Face["retry"]} */
  retry(id) {
    return this.#hub.link.retry(id);
  }

  /** @type {Face["discard"]} */
  discard(id) {
    return this.#hub.link.discard(id);
  }

  /** @type {Face["older"]} */
  older() {
    return this.#tending.older();
  }

  /** @type {Face["read"]} */
  read(seq = Math.max(newest(this.#state.run.messages), this.#state.object?.last_seq ?? 0)) {
    const { read, side } = this.#state;
    if (seq > read[side] && this.#reading.upTo(seq)) this.#set(conversation.read(this.#state, side, seq));
  }

  /** @type {Face["typing"]} */
  typing(on) {
    this.#typing.own(on);
  }

  /** @type {Face["watch"]} */
  async watch(on) {
    if (on === this.#state.watched) return;
    this.#set(conversation.withFields(this.#state, { watched: on }));
    try {
      await this.#hub.link.request(on ? "watch" : "unwatch", { conversation: this.id });
    } catch (error) {
      if (on) this.#set(conversation.withFields(this.#state, { watched: false }));
      throw error;
    }
    if (on) this.#tending.lookForMore();
  }

  /** @type {Face["claim"]} */
  claim({ force = false } = {}) {
    return this.#change("claim", force ? { force } : {});
  }

  /** @type {Face["release"]} */
  release() {
    return this.#change("release", {});
  }

  /** @type {Face["close"]} */
  close() {
    return this.#change("close", {});
  }

  /** @type {Face["transfer"]} */
  transfer(to) {
    return this.#change("transfer", { to });
  }

  // --- what the client tells it -------------------------------------------------------------------------------------

  /** @param {string} user */
  ownedBy(user) {
    this.#reading.forget();
    this.#set(conversation.ownedBy(this.#state, user));
  }

  /** @param {Message} message @param {boolean} fresh */
  received(message, fresh) {
    this.#apply(conversation.received(this.#state, message, { fresh, open: this.open }));
  }

  /** @param {ConversationObject} object @param {boolean} fresh */
  noted(object, fresh) {
    const { state, doubt } = withObject(this.#state, object);
    this.#set(state);
    if (doubt) this.#tending.doubt(false);
    if (this.open && state.loaded && object.last && state.object === object) this.received(object.last, fresh);
  }

  /** @param {"customer" | "store"} side @param {number} seq */
  readBy(side, seq) {
    this.#set(conversation.read(this.#state, side, seq));
  }

  /** @param {Sender} from @param {boolean} on */
  typed(from, on) {
    if (on || this.#state.typing?.user === from.user) this.#set(conversation.typing(this.#state, on ? from : null));
    this.#typing.other(on);
  }

  /** @param {Pending} entry */
  pended(entry) {
    if (written.holds(this.#state, entry.id)) this.#hub.link.seen(entry.id);
    else this.#set(written.pended(this.#state, entry));
  }

  /** @param {string} id */
  unpended(id) {
    this.#set(written.unpended(this.#state, id));
  }

  /** @param {{ id: string, text: string, seq: number, at: number }} stored */
  sent(stored) {
    const name = this.#hub.name ?? this.#hub.user ?? "";
    this.#apply(written.sent(this.#state, { ...stored, name }, this.open));
  }

  /** There is a connection again, or something may have been missed. */
  resumed() {
    this.rotated();
    this.#reading.again();
    this.#tending.lookForMore();
  }

  /** Another connection has taken over. */
  rotated() {
    // A refusal, or another connection, is told of by its own way.
    if (this.#state.watched) this.#hub.link.request("watch", { conversation: this.id }).catch(() => {});
  }

  wentBack() {
    this.#reading.forget();
    this.#tending.doubt(true);
  }

  stop() {
    this.#typing.stop();
    this.#tending.stop();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  /** @param {Change} change */
  #apply({ state, news, settled, lost }) {
    this.#set(state);
    for (const id of settled) this.#hub.link.seen(id);
    for (const { message, fresh } of news) this.#hub.tell("message", Object.freeze({ message, fresh }));
    for (const { id, body, at } of lost) this.#lost(id, body.text, at);
    if (conversation.wants(state) && (this.open || state.run.ahead.length)) this.#tending.soon();
  }

  /** @param {State} state */
  #set(state) {
    if (state === this.#state) return;
    this.#state = state;
    if (this.#notifying) return;
    this.#notifying = true;
    Promise.resolve().then(() => this.#notify());
  }

  #notify() {
    this.#notifying = false;
    const { view } = this;
    this.#listeners.tell(view);
    const { object } = view;
    if (!object) return;
    const told = signOf(object);
    if (told !== this.#toldObject) this.#hub.tell("conversation", object);
    this.#toldObject = told;
  }

  /** Storage has lost it; who wrote it may send it again. @param {string} id @param {string} text @param {number} at */
  #lost(id, text, at) {
    const error = { code: "lost", message: "The service has lost this message." };
    const entry = written.entry(this.id, id, text, at, error);
    this.pended(entry);
    this.#hub.link.keep(entry);
  }

  /** @param {string} action @param {object} parameters @returns {Promise<ConversationObject>} */
  async #change(action, parameters) {
    const { conversation: object } = await this.#hub.request(action, { conversation: this.id, ...parameters });
    return object;
  }
}
