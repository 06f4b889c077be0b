/**
 * A conversation's object and unread count, kept up between two words of the service about them. Pure functions.
 *
 * @import { ConversationObject, Message } from "./kefu.js"
 * @import { State } from "./conversation.js"
 */
import { at, newest, same } from "./messages.js";

/**
 * Messages not of this side beyond its read mark: counted where the run reaches back to the mark, else reckoned from
 * what the service counted last.
 * @param {State} state
 */
export function unreadOf({ run: { messages }, object, read, side }) {
  const mark = read[side];
  const top = Math.max(object?.last_seq ?? 0, newest(messages));
  if (mark >= top) return 0;
  const others = (/** @type {number} */ from, /** @type {number} */ to) => {
    let count = 0;
    for (let i = messages.length - 1; i >= 0 && messages[i].seq > from; i--) {
      if (messages[i].seq <= to && messages[i].from.side !== side) count++;
    }
    return count;
  };
  const covered = messages.length > 0 && messages[0].seq <= mark + 1 && newest(messages) >= top;
  if (covered || !object) return others(mark, top);
  const counted = object.unread - others(object.read[side], Math.min(mark, object.last_seq));
  return Math.max(0, counted) + others(Math.max(object.last_seq, mark), top);
}

/**
 * The object as it stands with all that came since.
 * @param {State} state
 * @returns {ConversationObject | null}
 */
export function objectOf(state) {
  const { object, read, run } = state;
  if (!object) return null;
  const last = run.messages[run.messages.length - 1];
  const later = last && last.seq > object.last_seq ? { last, last_seq: last.seq } : {};
  return Object.freeze({ ...object, ...later, read, unread: unreadOf(state) });
}

/**
 * What differs wherever two objects of one conversation differ.
 * @param {ConversationObject} object
 */
export const signOf = ({ epoch, version, last_seq: last, unread, read }) =>
  [epoch, version, last, unread, read.customer, read.store].join(" ");

/**
 * An object has come: of one epoch the highest version counts, and of one version the newest message.
 * @param {State} state
 * @param {ConversationObject} object
 * @returns {{ state: State, doubt: boolean }}  whether storage may have gone back
 */
export function withObject(state, object) {
  const known = state.object;
  const another = known !== null && known.epoch !== object.epoch;
  const older =
    known !== null &&
    !another &&
    (object.version < known.version || (object.version === known.version && object.last_seq < known.last_seq));
  const read = Object.freeze({
    customer: another ? object.read.customer : Math.max(state.read.customer, object.read.customer),
    store: another ? object.read.store : Math.max(state.read.store, object.read.store),
  });
  if (older) return { state: Object.freeze({ ...state, read }), doubt: false };
  const { messages } = state.run;
  const end = newest(messages);
  // Who holds its newest message just so holds what is stored: that is proof, whatever the epoch.
  const sure = end === object.last_seq && object.last !== null && same(at(messages, end), object.last);
  const run = sure ? { ...state.run, sure: object.epoch } : state.run;
  const doubt = end > 0 && !sure && (another || object.last_seq < end);
  return { state: Object.freeze({ ...state, object: Object.freeze(object), read, run }), doubt };
}
