/**
 * What this user has written in a conversation, until the service has stored it and the run has it. Pure functions.
 *
 * @import { ConversationObject, Message, Pending } from "./kefu.js"
 * @import { Change, State } from "./conversation.js"
 */
import { received, unchanged } from "./conversation.js";
import { KefuError } from "./errors.js";
import { put, without } from "./outbox.js";

const LONGEST = 4_000;

/** Refuse at once what the service would refuse. @param {string} text */
export function check(text) {
  const length = [...String(text)].length;
  if (!length) throw new KefuError("bad_request", "A message needs a text.", { details: { field: "body.text" } });
  const details = { limit: LONGEST };
  if (length > LONGEST) throw new KefuError("too_large", `A text has at most ${LONGEST} characters.`, { details });
}

/**
 * @param {string} conversation
 * @param {string} id
 * @param {string} text
 * @param {number} at
 * @param {Pending["error"]} [error]
 * @returns {Pending}
 */
export const entry = (conversation, id, text, at, error = null) =>
  Object.freeze({ id, conversation, text, at, state: error ? "failed" : "waiting", error });

/** @param {State} state @param {string} id  whether the run has a message of this user with that id */
export const holds = (state, id) =>
  state.run.messages.some((message) => message.id === id && message.from.user === state.user);

/** @param {State} state @param {Pending} one @returns {State} */
export function pended(state, one) {
  const known = state.pending.find(({ id }) => id === one.id);
  if (known?.state === one.state || holds(state, one.id)) return state;
  return Object.freeze({ ...state, pending: put(state.pending, one) });
}

/** @param {State} state @param {string} id @returns {State} */
export const unpended = (state, id) => Object.freeze({ ...state, pending: without(state.pending, id) });

/**
 * A message of this user's is stored. It stays pending until the run has it, so that it never disappears between.
 * @param {State} state
 * @param {{ id: string, text: string, seq: number, at: number, name: string }} stored
 * @param {boolean} open
 * @returns {Change}
 */
export function sent(state, { id, text, seq, at, name }, open) {
  const { user, side, object, run } = state;
  if (holds(state, id)) return unchanged(unpended(state, id));
  const before = run.messages[run.messages.length - 1];
  const visit = seq === 1 ? 1 : before?.visit && before.visit + (reopens(object, before) ? 1 : 0);
  const message = { conversation: state.id, seq, id, from: { user, name, side }, body: { type: "text", text }, at };
  return received(state, /** @type {Message} */ (visit ? { ...message, visit } : message), { fresh: true, open });
}

/**
 * Whether the conversation was closed after that message.
 * @param {ConversationObject | null} object
 * @param {Message} before
 */
const reopens = (object, before) => object?.status === "closed" && object.last_seq >= before.seq;
