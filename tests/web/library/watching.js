/** One side of one conversation, watched: whatever is shown is shown once, in order, and never disappears. */

import { check } from "./people.js";

/** @import { ConversationView, Message } from "../../../chalicelib/web/lib/kefu.js" */

export class Watching {
  /** @type {(() => void)[]} */ #looks = [];
  /** Own texts that were sent, and so must be shown. @type {string[]} */ sent = [];
  shown = 0;

  /**
   * @param {ReturnType<import("./people.js").client>} client
   * @param {string} id
   * @param {Message[]} heard  what the event `message` brought of others, all along
   */
  constructor(client, id, heard) {
    this.heard = heard;
    this.client = client;
    this.conversation = client.conversation(id);
    this.name = `${client.user} in ${id}`;
    this.conversation.subscribe((view) => {
      this.#judge(view);
      for (const look of this.#looks) look();
    });
  }

  get messages() {
    return this.conversation.view.messages;
  }

  /** @param {() => void} look */
  onChange = (look) => void this.#looks.push(look);

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
    return this.conversation.send(text);
  }

  /** @param {ConversationView} view */
  #judge({ messages, pending, loaded }) {
    const first = messages[0]?.seq ?? 1;
    messages.forEach(({ seq }, place) => check(seq === first + place, `${this.name}: a gap or a repeat at ${seq}`));
    if (!loaded) return;
    const last = messages[messages.length - 1]?.seq ?? 0;
    check(last >= this.shown, `${this.name}: ${this.shown} was shown, and now only up to ${last}`);
    this.shown = last;
    const ids = new Set([...messages.map(({ id, from }) => `${from.user} ${id}`)]);
    for (const { id } of pending) check(!ids.has(`${this.client.user} ${id}`), `${this.name}: ${id} is shown twice`);
    const own = messages.filter(({ from }) => from.user === this.client.user).length + pending.length;
    check(
      own === this.sent.length || this.sent.length === 0 || first > 1,
      `${this.name}: ${own} of ${this.sent.length} own`,
    );
    for (const { state, error } of pending) check(state !== "failed", `${this.name}: ${error?.code} ${error?.message}`);
  }

  /** All there is, at the end. @param {Map<string, string[]>} sentBy  the texts of each user, as they were written */
  judgeAll(sentBy) {
    const { messages, pending } = this.conversation.view;
    check(pending.length === 0, `${this.name}: ${pending.length} still pending`);
    check(messages[0]?.seq === 1, `${this.name}: the first message is ${messages[0]?.seq}`);
    for (const [user, texts] of sentBy) {
      const got = messages.filter(({ from }) => from.user === user).map(({ body }) => body.text);
      check(
        got.join("\n") === texts.join("\n"),
        `${this.name}: of ${user}: ${got.length} of ${texts.length}, or in another order`,
      );
    }
    const others = messages.filter(({ from }) => from.user !== this.client.user);
    const heard = this.heard.map(({ seq }) => seq).join();
    check(heard === others.map(({ seq }) => seq).join(), `${this.name}: heard ${heard}`);
  }
}
