/**
 * A service in memory that speaks the protocol as far as the library's tests need it: messages, offline lists, acks.
 * A test can cut its sockets, drop what it pushes, hold replies back, refuse, and let its storage go back.
 */

/** What `before` returns where nothing is to be said. */
export const SILENCE = Symbol("silence");

export class Service {
  epoch = "e1";
  visit = 1;
  /** @type {Map<string, any[]>} */ messages = new Map();
  /** @type {Map<string, { newest: number, acked: number, entries: { offset: number, message: any }[] }>} */ lists =
    new Map();
  /** @type {Map<string, any>} */ objects = new Map();
  /** @type {Socket[]} */ sockets = [];
  /** All frames of clients. @type {{ user: string, action: string, [more: string]: any }[]} */ frames = [];
  /**
   * Looks at each frame first; what it returns is the answer.
   * @type {((socket: Socket, frame: any) => any) | null}
   */
  before = null;
  /** Pushes that never arrive: of these offsets, to these users. @type {Set<string>} */ lostPushes = new Set();
  refuses = false;
  #said = 0;
  /** Replies that are made and not sent. */ mute = false;
  now = () => 0;

  constructor(/** @type {() => number} */ now = () => 0) {
    const service = this;
    this.now = now;
    this.WebSocket = class extends Socket {
      constructor(/** @type {string} */ url, /** @type {string[]} */ protocols) {
        super(service, url, protocols);
      }
    };
  }

  get open() {
    return this.sockets.filter(({ readyState }) => readyState === 1);
  }

  /** @param {string} user */
  list(user) {
    const known = this.lists.get(user) ?? { newest: 0, acked: 0, entries: [] };
    this.lists.set(user, known);
    return known;
  }

  /**
   * What a user of any side says, as if from elsewhere.
   * @param {string} conversation
   * @param {string} user
   * @param {string} text
   * @param {string} [id]
   */
  says(conversation, user, text, id = `other-${++this.#said}`) {
    const [store, customer] = conversation.split(":");
    const side = user === customer ? "customer" : user === "system" ? "system" : "store";
    const all = this.messages.get(conversation) ?? [];
    const repeat = all.find((each) => each.id === id && each.from.user === user);
    if (repeat) return repeat;
    const { epoch, visit } = this;
    const [from, body] = [
      { user, name: user, side },
      { type: "text", text },
    ];
    const message = { conversation, seq: all.length + 1, id, from, body, at: this.now(), epoch, visit };
    this.messages.set(conversation, [...all, message]);
    const object = this.objects.get(conversation) ?? {
      ...{ conversation, store, customer: { user: customer, name: customer }, status: "waiting", agent: null },
      ...{ unread: 0, read: { customer: 0, store: 0 }, waiting_since: this.now(), version: 1 },
    };
    this.objects.set(conversation, { ...object, epoch, last: message, last_seq: message.seq });
    const agent = object.agent?.user ?? "li";
    this.#deliver(side === "customer" ? agent : customer, message);
    return message;
  }

  /** @param {string} conversation @param {string} user */
  claims(conversation, user) {
    const object = this.objects.get(conversation);
    const claimed = { ...object, status: "claimed", agent: { user, name: user }, version: object.version + 1 };
    this.objects.set(conversation, claimed);
    return claimed;
  }

  /**
   * Refuse what is asked, where `which` says so.
   * @param {string} action
   * @param {string} code
   * @param {(frame: any) => boolean} [which]
   */
  refuse(action, code, which = () => true) {
    this.before = (socket, frame) => {
      if (frame.action !== action || !which(frame)) return null;
      socket.refused(frame, code);
      return SILENCE;
    };
  }

  /** @param {string} user @param {any} message */
  #deliver(user, message) {
    const list = this.list(user);
    const offset = ++list.newest;
    list.entries.push({ offset, message });
    if (this.lostPushes.delete(`${user} ${offset}`)) return;
    this.push(user, { type: "message", offset, ...message });
  }

  /** @param {string} user @param {object} frame */
  push(user, frame) {
    for (const socket of this.open) if (socket.user === user) socket.receives(frame);
  }

  /** Cut the sockets, without a word. @param {string} [user] */
  cut(user) {
    for (const socket of this.open) if (!user || socket.user === user) socket.end();
  }

  remember() {
    return structuredClone({ messages: this.messages, lists: this.lists, objects: this.objects });
  }

  /**
   * Storage comes back as it was, under another name.
   * @param {ReturnType<Service["remember"]>} then
   * @param {string} epoch
   */
  goBack(then, epoch) {
    Object.assign(this, structuredClone(then), { epoch });
    for (const object of this.objects.values()) object.epoch = epoch;
  }

  /** @param {Socket} socket @param {any} frame */
  takes(socket, frame) {
    const { user } = socket;
    this.frames.push({ user, ...frame });
    const answer = this.before?.(socket, frame);
    if (answer === SILENCE) return;
    if (answer) return void socket.receives(answer);
    const list = this.list(user);
    if (frame.ack > list.newest) return socket.refused(frame, "bad_request", { field: "ack" });
    if (frame.ack) {
      list.acked = Math.max(list.acked, frame.ack);
      list.entries = list.entries.filter(({ offset }) => offset > list.acked);
    }
    const { action, conversation } = frame;
    const all = this.messages.get(conversation) ?? [];
    switch (action) {
      case "ping":
        return socket.receives({ type: "pong", id: frame.id, at: this.now(), newest: list.newest, epoch: this.epoch });
      case "sync":
        socket.replays();
        return socket.replies(frame, {});
      case "send": {
        const known = all.find((each) => each.id === frame.id && each.from.user === user);
        if (known && known.body.text !== frame.body.text) return socket.refused(frame, "conflict", { seq: known.seq });
        const { seq, at } = known ?? this.says(conversation, user, frame.body.text, frame.id);
        return socket.replies(frame, { conversation, seq, at });
      }
      case "history": {
        if (!all.length) return socket.refused(frame, "not_found");
        const { after, before = Infinity, limit = 50 } = frame;
        const wanted = all.filter(({ seq }) => (after === undefined ? seq < before : seq > after));
        const messages = after === undefined ? wanted.slice(-limit) : wanted.slice(0, limit);
        return socket.replies(frame, { conversation, messages, more: messages.length < wanted.length });
      }
      case "conversations": {
        const of = (/** @type {any} */ object) =>
          frame.store ? object.store === frame.store : object.customer.user === user;
        return socket.replies(frame, { conversations: [...this.objects.values()].filter(of), cursor: null });
      }
      case "claim":
        return socket.replies(frame, { conversation: this.claims(conversation, user) });
      case "read":
        return socket.replies(frame, { unread: 0 });
      default:
        return frame.id && socket.replies(frame, {});
    }
  }
}

class Socket {
  readyState = 0;
  user = "";
  /** @type {((event: any) => void) | null} */ onmessage = null;
  /** @type {((event: any) => void) | null} */ onclose = null;
  /** @type {((event: any) => void) | null} */ onerror = null;

  /** @param {Service} service @param {string} url @param {string[]} protocols */
  constructor(service, url, protocols) {
    this.service = service;
    this.url = url;
    this.protocols = protocols;
    service.sockets.push(this);
    queueMicrotask(() => this.#begin());
  }

  #begin() {
    if (this.readyState !== 0) return;
    if (this.service.refuses) return this.end();
    this.user = JSON.parse(Buffer.from(this.protocols[1].split(".")[2], "base64url").toString()).sub;
    this.readyState = 1;
    const { newest, entries } = this.service.list(this.user);
    const { epoch } = this.service;
    const place = { offline: entries.length, newest, epoch, at: this.service.now() };
    this.receives({ type: "welcome", user: this.user, name: this.user.toUpperCase(), ...place });
    this.replays();
  }

  replays() {
    for (const { offset, message } of this.service.list(this.user).entries) {
      this.receives({ type: "message", offset, replay: true, ...message });
    }
  }

  /** @param {object} frame */
  receives(frame) {
    if (this.service.mute && !("at" in frame && "newest" in frame)) return;
    const data = JSON.stringify(frame);
    queueMicrotask(() => this.readyState === 1 && this.onmessage?.({ data }));
  }

  /** @param {any} frame @param {object} result */
  replies({ id, action }, result) {
    if (id) this.receives({ type: "reply", id, action, result });
  }

  /** @param {any} frame @param {string} code @param {object} [details] */
  refused({ id }, code, details = {}) {
    const retry = ["rate_limited", "unavailable", "internal"].includes(code);
    this.receives({ type: "error", id: id ?? null, code, message: code, retry, details });
  }

  /** @param {string} text */
  send(text) {
    if (this.readyState === 1) this.service.takes(this, JSON.parse(text));
  }

  close() {
    this.end();
  }

  end() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    queueMicrotask(() => this.onclose?.({ code: 1006 }));
  }
}
