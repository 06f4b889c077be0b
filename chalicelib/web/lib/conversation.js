/**
 * What a client knows of one conversation, and how it changes: pure functions over frozen plain objects. Those that
 * take in messages answer with the next state, the news for listeners, which pending messages turned out to be stored,
 * and which stored ones are lost.
 *
 * @import { ConversationObject, ConversationView, Message, Pending, Sender } from "./kefu.js"
 * @import { Arrival, Run } from "./messages.js"
 *
 * @typedef {object} State
 * @property {string} id
 * @property {string} user
 * @property {"customer" | "store"} side
 * @property {Run} run
 * @property {boolean} doubt  storage may have gone back: compare with it before anything else
 * @property {readonly Message[]} suspects
 * @property {boolean} loaded
 * @property {boolean} more
 * @property {ConversationObject | null} object  as the service said it last
 * @property {{ readonly customer: number, readonly store: number }} read
 * @property {Sender | null} typing
 * @property {boolean} watched
 * @property {{ readonly code: string, readonly message: string } | null} error
 * @property {readonly Pending[]} pending
 *
 * @typedef {{ state: State, news: Arrival[], settled: string[], lost: Message[] }} Change
 */
import * as runs from "./messages.js";
import { objectOf, unreadOf } from "./unread.js";

const KEPT_UNOPENED = 50;

/** @param {string} id @param {string} user @returns {State} */
export const create = (id, user) =>
  Object.freeze({
    ...{ id, user, side: sideOf(id, user) },
    ...{ run: runs.EMPTY, doubt: false, suspects: [], loaded: false, more: false, object: null, typing: null },
    ...{ read: Object.freeze({ customer: 0, store: 0 }), watched: false, error: null, pending: Object.freeze([]) },
  });

/**
 * On which side a user stands; as long as nobody is known, we take it for the customer's.
 * @param {string} id
 * @param {string} user
 */
const sideOf = (id, user) => (user === "" || id.slice(id.indexOf(":") + 1) === user ? "customer" : "store");

/** @param {State} state @param {string} user @returns {State} */
export const ownedBy = (state, user) =>
  state.user === "" ? Object.freeze({ ...state, user, side: sideOf(state.id, user) }) : create(state.id, user);

/** What has to be asked for. @param {State} state @returns {"compare" | "load" | "fill" | null} */
export function wants(state) {
  if (state.doubt) return "compare";
  if (!state.loaded) return "load";
  return state.run.ahead.length ? "fill" : null;
}

/**
 * A message has come. In a conversation that is not open nobody asks for what is missing.
 * @param {State} state
 * @param {Message} message
 * @param {{ fresh: boolean, open: boolean }} how
 * @returns {Change}
 */
export function received(state, message, { fresh, open }) {
  const { run } = state;
  const arrival = { message: frozen(message), fresh };
  if (state.doubt) return unchanged({ ...state, run: runs.putAside(run, arrival) });
  const first = run.messages[0]?.seq ?? (state.loaded ? 1 : message.seq);
  const end = runs.newest(run.messages) || first - 1;
  if (message.seq > end + 1) return unchanged({ ...state, run: runs.putAside(run, arrival) });
  if (message.seq === end + 1) {
    const known = open || run.messages.length || run.sure === undefined || run.sure === message.epoch;
    if (known && runs.follows(run, message)) return grown(state, runs.append(run, [arrival]), open);
    return open ? doubted(state, arrival) : begunAnew(state, arrival);
  }
  if (message.seq < first) return older(state, arrival, first);
  const held = runs.at(run.messages, message.seq);
  if (runs.same(held, message)) return unchanged({ ...state, run: runs.completed(run, arrival.message) });
  return open ? doubted(state, arrival) : begunAnew(state, arrival);
}

/** Beyond what was put aside nothing is missing that anybody waits for. @param {State} state @returns {Change} */
export function skipped(state) {
  if (!state.run.ahead.length || state.doubt) return unchanged(state);
  return grown({ ...state, loaded: false, more: true }, runs.skipped(state.run), false);
}

/**
 * The newest page. An older part of the run stays where the page proves that it is stored just so.
 * @param {State} state
 * @param {{ messages: readonly Message[], more: boolean }} page
 * @param {number} [asked]  when it was asked for, by the server's clock: what is newer comes at once, by a push or by this
 * @returns {Change}
 */
export function loaded(state, { messages, more }, asked = Infinity) {
  const { run } = state;
  const first = run.messages[0]?.seq ?? 0;
  const start = messages[0]?.seq ?? 0;
  const end = runs.newest(messages);
  const joins = messages.length > 0 && runs.same(runs.at(run.messages, start), messages[0]);
  const kept = joins ? run.messages.slice(0, start - first) : [];
  const beyond = run.messages.filter(({ seq }) => seq > end).map((message) => ({ message, fresh: false }));
  const ahead = [...beyond, ...run.ahead.filter(({ message }) => message.seq > end)];
  const base = { ...run, messages: Object.freeze(kept), ahead: Object.freeze(ahead) };
  const arrivals = messages.map((message) => ({ message: frozen(message), fresh: message.at >= asked }));
  const next = { ...state, loaded: true, more: kept.length ? state.more : more, error: null };
  return grown(next, runs.append(base, arrivals), true);
}

/**
 * Messages after the newest: the page may be empty, and may bring what is held by now.
 * @param {State} state
 * @param {readonly Message[]} messages
 * @param {number} [asked]  as above
 * @returns {Change}
 */
export function filled(state, messages, asked = Infinity) {
  const next = state.error ? { ...state, error: null } : state;
  const changes = { ...unchanged(next), news: /** @type {Arrival[]} */ ([]), settled: /** @type {string[]} */ ([]) };
  for (const message of messages) {
    const change = received(changes.state, message, { fresh: message.at >= asked, open: true });
    changes.state = change.state;
    changes.news.push(...change.news);
    changes.settled.push(...change.settled);
  }
  return changes;
}

/**
 * The page before the run.
 * @param {State} state
 * @param {{ messages: readonly Message[], more: boolean }} page
 * @returns {State}
 */
export function prepended(state, { messages, more }) {
  const first = state.run.messages[0]?.seq ?? 1;
  const before = messages.filter(({ seq }) => seq < first).map(frozen);
  if (before.length && runs.newest(before) !== first - 1) return state;
  const run = { ...state.run, messages: Object.freeze([...before, ...state.run.messages]) };
  return Object.freeze({ ...state, run, more });
}

/** Storage may have gone back: from now on everything is put aside. @param {State} state @returns {State} */
export function doubting(state) {
  if (state.doubt || !state.loaded) return state;
  const suspects = state.run.ahead.map(({ message }) => message);
  return Object.freeze({ ...state, doubt: true, suspects, run: { ...state.run, ahead: Object.freeze([]) } });
}

/**
 * The history has been read from its newest message back to one that is held just so, or to where nothing is held.
 * @param {State} state
 * @param {{ messages: readonly Message[], more: boolean }} found
 * @returns {Change}
 */
export function compared(state, { messages, more }) {
  const { lost, ...next } = runs.compared(state.run, state.suspects, messages.map(frozen));
  const joined = (next.run.messages[0]?.seq ?? 0) < (messages[0]?.seq ?? 0);
  const settledState = { ...state, doubt: false, suspects: [], more: joined ? state.more : more, error: null };
  const own = lost.filter(({ from }) => from.user === state.user);
  return { ...grown(settledState, next, true), lost: own };
}

/** @param {State} state @param {Sender | null} typing @returns {State} */
export const typing = (state, typing) => Object.freeze({ ...state, typing });

/**
 * A side has read up to `seq`.
 * @param {State} state
 * @param {"customer" | "store"} side
 * @param {number} seq
 * @returns {State}
 */
export function read(state, side, seq) {
  if (seq <= state.read[side]) return state;
  return Object.freeze({ ...state, read: Object.freeze({ ...state.read, [side]: seq }) });
}

/** @param {State} state @param {Partial<Pick<State, "watched" | "error" | "loaded">>} fields @returns {State} */
export const withFields = (state, fields) => Object.freeze({ ...state, ...fields });

/** Nothing of the run is known to be stored any more. @param {State} state @returns {State} */
export function forgotten(state) {
  const told = Math.min(state.run.told, state.object?.last_seq ?? state.run.told);
  // Where the numbers that were told belong; in another history they are given again.
  const sure = runs.epochOf(state.run.messages) ?? state.run.sure;
  const run = { ...runs.EMPTY, told, sure, missed: state.run.missed };
  return Object.freeze({ ...state, run, loaded: false, more: true });
}

/** @param {State} state @returns {ConversationView} */
export function viewOf(state) {
  const { id, side, run, pending, loaded, more, read, typing, watched, error } = state;
  const known = { conversation: id, side, messages: run.messages, pending, loaded, more, read, typing, watched, error };
  return Object.freeze({ ...known, object: objectOf(state), unread: unreadOf(state) });
}

// --- inside ---------------------------------------------------------------------------------------------------------

/** @param {State} state @returns {Change} */
export const unchanged = (state) => ({ state: Object.freeze(state), news: [], settled: [], lost: [] });

/** @param {State} state @param {{ run: Run, added: Arrival[] }} next @param {boolean} open @returns {Change} */
function grown(state, { run, added }, open) {
  const [told, news] = runs.untold(run, added);
  const trimmed = !open && told.messages.length > KEPT_UNOPENED;
  const kept = trimmed ? { ...told, messages: Object.freeze(told.messages.slice(-KEPT_UNOPENED)) } : told;
  const own = new Set(added.flatMap(({ message }) => (message.from.user === state.user ? [message.id] : [])));
  const settled = state.pending.filter(({ id }) => own.has(id)).map(({ id }) => id);
  const pending = settled.length ? Object.freeze(state.pending.filter(({ id }) => !own.has(id))) : state.pending;
  const others = news.filter(({ message }) => message.from.user !== state.user);
  const wrote = added.some(({ message }) => message.from.user === state.typing?.user);
  const next = { ...state, run: kept, pending, more: state.more || trimmed, typing: wrote ? null : state.typing };
  return { state: Object.freeze(next), news: others, settled, lost: [] };
}

/** @param {State} state @param {Arrival} arrival @returns {Change} */
function doubted(state, arrival) {
  const next = doubting({ ...state, loaded: true });
  return unchanged({ ...next, run: runs.putAside(next.run, arrival) });
}

/** A run that is not open is given up: who opens it loads it again. @param {State} state @param {Arrival} arrival */
function begunAnew(state, arrival) {
  const { seq } = arrival.message;
  const run = { ...runs.EMPTY, told: Math.min(state.run.told, seq - 1), missed: state.run.missed };
  return grown({ ...state, loaded: false, more: seq > 1 }, runs.append(run, [arrival]), false);
}

/**
 * What is older than the run was overtaken, or is replayed.
 * @param {State} state
 * @param {Arrival} arrival
 * @param {number} first
 */
function older(state, arrival, first) {
  const { run } = state;
  const joins =
    arrival.message.seq === first - 1 &&
    !state.loaded &&
    runs.follows({ ...run, messages: [arrival.message] }, run.messages[0]);
  const messages = joins ? Object.freeze([arrival.message, ...run.messages]) : run.messages;
  return grown(state, { run: { ...run, messages }, added: [arrival] }, true);
}

/** @param {Message} message @returns {Message} */
function frozen(message) {
  if (Object.isFrozen(message)) return message;
  const { conversation, seq, id, from, body, at, epoch, visit } = message;
  const known = { conversation, seq, id, from: Object.freeze(from), body: Object.freeze(body), at };
  return Object.freeze({ ...known, ...(epoch !== undefined && { epoch }), ...(visit !== undefined && { visit }) });
}
