import { Desk, scopeOf } from "./desk.js";
import { asKefuError, refusal } from "./errors.js";
import { Followers } from "./followers.js";
import { freshId } from "./ids.js";
import { Identity } from "./identity.js";
import { Knowledge } from "./knowledge.js";
import { Outstanding } from "./outstanding.js";
import { Presence } from "./presence.js";
import { Seat } from "./seat.js";
import { isVisible, listen } from "./signals.js";

/**
 * A client that shares one connection with the other tabs of its browser. One tab leads: it has the desk, and passes
 * on what happens there. The others follow: what they want goes to it through a channel; a token never does. All that
 * is wanted may be wanted twice, so a tab that takes over begins with whatever was not answered.
 *
 * @import { ConversationObject, Options, Outbox, Pending } from "./kefu.js"
 * @import { Environment } from "./environment.js"
 * @import { Emitted } from "./line.js"
 * @import { Asked, Want } from "./outstanding.js"
 */

/** Of what tabs say to one another: those that run another version of this file must not hear it. */
const VERSION = 1;
const TOKEN_GOOD_FOR = 10_000;

export class Tabs {
  #tab = freshId();
  /** @type {BroadcastChannel | null} */ #channel = null;
  /** @type {Seat | null} */ #seat = null;
  /** Where this tab leads. @type {Desk | null} */ #desk = null;
  #user = "";
  /** @type {(scope: string) => void} */ #joined = () => {};
  /** @type {Promise<string>} */ #scoped = new Promise((resolve) => (this.#joined = resolve));
  #known = new Knowledge();
  #deaf = () => {};
  #closed = false;
  /** @type {any} */ #reminder = null;
  #options;
  #env;
  #keeper;
  #emit;
  #identity;
  #followers;
  #presence;
  #wanted;

  /**
   * @param {Options} options
   * @param {Environment} env
   * @param {Outbox} keeper
   * @param {(event: Emitted) => void} emit
   * @param {() => ConversationObject[]} objects  what this tab knows, for one that joins
   */
  constructor(options, env, keeper, emit, objects) {
    this.#options = options;
    this.#env = env;
    this.#keeper = keeper;
    this.#emit = emit;
    this.#wanted = new Outstanding(env, (asked) => this.#dispatch(asked));
    const told = () => this.#known.told(objects());
    this.#followers = new Followers(env, (message) => this.#post(message), told);
    this.#presence = new Presence(env, {
      follows: () => this.#channel !== null && this.#desk === null,
      here: (visible) => this.#post({ kind: "here", visible }),
      gone: () => this.#seat?.steal(),
    });
    this.#identity = new Identity(options, env, {
      status: (status) => this.#hear({ kind: "status", status }),
      known: (user, url, token) => this.#join(user, url, token),
    });
  }

  start() {
    this.#deaf = listen(this.#env, {
      network: (there) => there && this.wake(),
      visible: () => this.#presence.say(),
      woke: () => (this.#channel && !this.#desk ? this.#sayHello() : this.wake()),
      // A page in the cache must not keep the others from the seat.
      cached: () => this.#leave(),
    });
    this.#identity.ask();
  }

  close() {
    this.#closed = true;
    this.#deaf();
    this.#identity.stop();
    this.#leave();
    this.#wanted.close();
    this.#emit({ kind: "status", status: { state: "offline", reason: "closed", retryAt: null } });
  }

  wake() {
    if (this.#closed) return;
    if (!this.#channel) return void this.#identity.ask();
    this.#say({ do: "wake" });
    this.#presence.say();
  }

  /** @param {string} action @param {object} [parameters] @returns {Promise<any>} */
  request(action, parameters = {}) {
    return this.#wanted.ask({ do: "request", action, parameters });
  }

  /** @param {string} action @param {object} parameters */
  tell(action, parameters) {
    this.#say({ do: "tell", action, parameters });
  }

  /** @param {Pending} entry */
  async keep(entry) {
    const scope = await this.#scoped;
    await this.#keeper.put(scope, entry).catch(this.#env.report);
    if (scope !== (await this.#scoped)) return; // somebody else has signed in: it waits for who wrote it
    this.#known.pending.set(entry.id, entry);
    // Where nobody leads just now, whoever does next finds it: in the keeper, or told by this tab once more.
    this.#say({ do: "adopt", entry });
  }

  /** @param {string} id @returns {Promise<void>} */
  retry(id) {
    return this.#wanted.ask({ do: "retry", id });
  }

  /** @param {string} id @returns {Promise<string | null>} */
  discard(id) {
    return this.#wanted.ask({ do: "discard", id });
  }

  /** @param {string} id */
  seen(id) {
    this.#say({ do: "seen", id });
  }

  // --- joining, leading, leaving ------------------------------------------------------------------------------------

  /** @param {string} user @param {string} url @param {string} token */
  #join(user, url, token) {
    const fetchedAt = this.#env.now();
    if (user !== this.#user) {
      this.#known = new Knowledge();
      if (this.#user) this.#wanted.drop(); // none of it in another one's name
    }
    this.#user = user;
    const scope = scopeOf(url, user);
    this.#joined(scope);
    this.#scoped = Promise.resolve(scope);
    this.#emit({ kind: "user", user });
    const name = `kefu ${VERSION} ${scope}`;
    const channel = new this.#env.BroadcastChannel(name);
    channel.onmessage = (/** @type {MessageEvent} */ { data }) => this.#received(data);
    this.#channel = channel;
    this.#seat = new Seat(this.#env.locks, name, {
      taken: () => this.#lead(url, this.#env.now() - fetchedAt < TOKEN_GOOD_FOR ? token : null),
      lost: () => this.#follow(),
    });
    this.#seat.wait();
    this.#sayHello();
  }

  /** @param {string} url @param {string | null} token */
  #lead(url, token) {
    this.#presence.stop();
    /** @type {Desk} */
    const desk = new Desk(this.#options, this.#env, this.#keeper, (event) => desk === this.#desk && this.#hear(event), {
      ...{ user: this.#user, url, epoch: this.#known.epoch, token },
      seenElsewhere: () => this.#followers.looking,
    });
    this.#desk = desk;
    this.#post({ kind: "leading" });
    desk.start();
    this.#handOver();
  }

  /** Another tab leads, or this one: it gets whatever is not done yet. */
  #handOver() {
    for (const entry of this.#known.pending.values()) this.#say({ do: "adopt", entry });
    this.#wanted.sendAgain();
  }

  /** This tab did not answer, and another one leads now. */
  #follow() {
    this.#stop();
    this.#seat?.wait();
    this.#sayHello();
  }

  #stop() {
    const desk = this.#desk;
    this.#desk = null;
    desk?.stop();
  }

  #leave() {
    this.#env.clearTimeout(this.#reminder);
    this.#presence.stop();
    this.#stop();
    this.#seat?.leave();
    this.#channel?.close();
    this.#seat = this.#channel = null;
  }

  /** @param {Emitted} event  of this tab's own desk, or of the leading tab's */
  #hear(event) {
    this.#known.hear(event);
    if (event.kind === "another user") {
      this.#leave();
      this.#identity.ask();
      return;
    }
    const signedOut = event.kind === "status" && event.status.reason === "signed out";
    if (signedOut && this.#desk) this.#leave(); // so that a tab where somebody is signed in may lead
    if (this.#desk) this.#post({ kind: "event", event });
    else if (event.kind === "status" && event.status.retryAt) this.#remind(event.status.retryAt);
    this.#emit(event);
  }

  /** Who leads may be a page that nobody looks at, where timers go late. @param {number} at */
  #remind(at) {
    this.#env.clearTimeout(this.#reminder);
    this.#reminder = this.#env.setTimeout(() => this.#say({ do: "due" }), at - this.#env.clock() + 50);
  }

  // --- between tabs -------------------------------------------------------------------------------------------------

  /** @param {any} message */
  #received(message) {
    const desk = this.#desk;
    if (desk) return this.#followers.heard(message, desk, () => desk === this.#desk);
    if (message.to && message.to !== this.#tab) return;
    // Of those that follow only wants and greetings are heard; all else is the leading tab's.
    if (!["want", "here", "hello"].includes(message.kind)) this.#presence.answered();
    switch (message.kind) {
      case "leading":
        this.#sayHello();
        break;
      case "event":
        this.#hear(message.event);
        break;
      case "snapshot":
        for (const event of message.events) this.#hear(event);
        break;
      case "answer":
        this.#wanted.settle(message.id, ({ resolve, reject }) =>
          message.error ? reject(refusal(message.error)) : resolve(message.result),
        );
        break;
    }
  }

  /** @param {Asked} asked */
  #dispatch({ id, want }) {
    const desk = this.#desk;
    if (!desk) return this.#post({ kind: "want", id, want });
    const settle = (/** @type {(asked: Asked) => void} */ how) => desk === this.#desk && this.#wanted.settle(id, how);
    desk.perform(want, this.#tab).then(
      (result) => settle(({ resolve }) => resolve(result)),
      (error) => settle(({ reject }) => reject(asKefuError(error))),
    );
  }

  /** @param {Want} want  that needs no answer */
  #say(want) {
    if (this.#desk) this.#desk.perform(want, this.#tab);
    else this.#post({ kind: "want", want });
  }

  #sayHello() {
    this.#post({ kind: "hello", visible: isVisible(this.#env) });
    this.#handOver();
    this.#presence.say();
  }

  /** @param {object} message */
  #post(message) {
    this.#channel?.postMessage({ ...message, from: this.#tab });
  }
}
