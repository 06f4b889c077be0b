/**
 * A run of messages: ascending by `seq`, without a gap, and what came beyond a gap, put aside. Pure functions.
 *
 * @import { Message } from "./kefu.js"
 *
 * @typedef {{ readonly message: Message, readonly fresh: boolean }} Arrival
 *
 * @typedef {object} Run
 * @property {readonly Message[]} messages
 * @property {readonly Arrival[]} ahead  ascending, all beyond the run's end
 * @property {number} told  the highest seq that listeners were told of
 * @property {string | undefined} sure  the history in which all of it is known to be stored
 * @property {readonly (readonly [number, number])[]} missed  ranges below it that they were not told of
 */

/** @type {Run} */
export const EMPTY = Object.freeze({
  messages: Object.freeze([]),
  ahead: Object.freeze([]),
  told: 0,
  missed: [],
  sure: undefined,
});

/**
 * Whether two are one message. One of our own, made up from the reply to `send`, knows its epoch only by and by.
 * @param {Message | undefined} one
 * @param {Message | undefined} other
 */
export const same = (one, other) =>
  one !== undefined &&
  other !== undefined &&
  one.seq === other.seq &&
  one.id === other.id &&
  one.at === other.at &&
  (one.epoch === other.epoch || one.epoch === undefined || other.epoch === undefined);

/** @param {readonly Message[]} messages */
export const newest = (messages) => messages[messages.length - 1]?.seq ?? 0;

/** @param {readonly Message[]} messages @param {number} seq @returns {Message | undefined} */
export const at = (messages, seq) => messages[seq - (messages[0]?.seq ?? 0)];

/**
 * The history in which the newest of these was written, as far as is known.
 * @param {readonly Message[]} messages
 */
export function epochOf(messages) {
  for (let i = messages.length - 1; i >= 0; i--) if (messages[i].epoch !== undefined) return messages[i].epoch;
  return undefined;
}

/**
 * Whether `message` may follow as far as the histories tell: between two epochs storage may have gone back.
 * @param {Pick<Run, "messages" | "sure">} run
 * @param {Message} message
 */
export function follows({ messages, sure }, message) {
  const before = epochOf(messages);
  return [before, sure].includes(message.epoch) || before === undefined || message.epoch === undefined;
}

/**
 * The run with a message replaced by a copy that knows more of it.
 * @param {Run} run
 * @param {Message} message
 * @returns {Run}
 */
export function completed(run, message) {
  const held = at(run.messages, message.seq);
  if (!held || held.epoch !== undefined || message.epoch === undefined) return run;
  return { ...run, messages: Object.freeze(run.messages.map((each) => (each === held ? message : each))) };
}

/**
 * Put aside what came beyond a gap; what came later of two with one seq stays.
 * @param {Run} run
 * @param {Arrival} arrival
 * @returns {Run}
 */
export function putAside(run, arrival) {
  const { seq } = arrival.message;
  const others = run.ahead.filter(({ message }) => message.seq !== seq);
  const place = others.findIndex(({ message }) => message.seq > seq);
  others.splice(place < 0 ? others.length : place, 0, arrival);
  return { ...run, ahead: Object.freeze(others) };
}

/**
 * Append what follows, and then as much of what was put aside as follows that.
 * @param {Run} run
 * @param {readonly Arrival[]} arrivals  the first one follows the run
 * @returns {{ run: Run, added: Arrival[] }}
 */
export function append(run, arrivals) {
  const messages = [...run.messages, ...arrivals.map(({ message }) => message)];
  const added = [...arrivals];
  let taken = 0;
  for (const arrival of run.ahead) {
    const { message } = arrival;
    const end = newest(messages);
    const fits = message.seq <= end || (message.seq === end + 1 && follows({ ...run, messages }, message));
    if (!fits) break;
    taken++;
    if (message.seq <= end) continue;
    messages.push(message);
    added.push(arrival);
  }
  return { run: { ...run, messages: Object.freeze(messages), ahead: Object.freeze(run.ahead.slice(taken)) }, added };
}

/**
 * Of these, what listeners have not been told of, and the run that knows that they are now.
 * @param {Run} run
 * @param {readonly Arrival[]} added  ascending
 * @returns {[Run, Arrival[]]}
 */
export function untold(run, added) {
  let { told, missed } = run;
  const news = added.filter(({ message: { seq } }) => {
    const gap = missed.find(([from, to]) => from <= seq && seq <= to);
    if (!gap && seq <= told) return false;
    if (gap) {
      const [from, to] = gap;
      const rest = /** @type {[number, number][]} */ ([
        [from, seq - 1],
        [seq + 1, to],
      ]).filter(([low, high]) => low <= high);
      missed = missed.flatMap((each) => (each === gap ? rest : [each]));
    } else {
      if (seq > told + 1) missed = [...missed, [told + 1, seq - 1]];
      told = seq;
    }
    return true;
  });
  return [{ ...run, told, missed }, news];
}

/**
 * A run that begins with what was put aside: what lies between is not waited for.
 * @param {Run} run
 */
export function skipped(run) {
  const [first, ...rest] = run.ahead;
  return append({ ...run, messages: Object.freeze([]), ahead: Object.freeze(rest) }, [first]);
}

/**
 * What storage holds from `found[0]` on is `found`: all that is held differently there is lost.
 * @param {Run} run  with that ahead which came while `found` was read
 * @param {readonly Message[]} suspects  what was ahead before
 * @param {readonly Message[]} found  ascending, up to the newest
 * @returns {{ run: Run, added: Arrival[], lost: Message[] }}
 */
export function compared(run, suspects, found) {
  const start = found[0]?.seq ?? 1;
  const first = run.messages[0]?.seq ?? 1;
  // Without a place that both have, nothing ties what is held to what is stored.
  const joins = found.length > 0 && same(at(run.messages, start), found[0]);
  const kept = joins ? run.messages.slice(0, start - first) : [];
  const held = [...run.messages.slice(kept.length), ...suspects];
  const stored = new Set(found.map(identity));
  const lost = held.filter((message) => message.seq >= start && !stored.has(identity(message)));
  // Numbers that were lost are given again: who was told of the old ones has not heard of the new.
  const known = new Set(held.map(place));
  const changed = found.find((message) => message.seq >= first && !known.has(place(message)))?.seq ?? Infinity;
  const told = Math.min(run.told, changed - 1, newest(found));
  const next = append(
    { ...run, messages: Object.freeze(kept), told },
    found.map((message) => ({ message, fresh: false })),
  );
  return { ...next, lost };
}

/** @param {Message} message */
const identity = ({ from, id }) => `${from.user} ${id}`;

/** @param {Message} message */
const place = ({ seq, id, at: time }) => `${seq} ${time} ${id}`;
