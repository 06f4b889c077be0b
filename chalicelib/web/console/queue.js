/**
 * A store's conversations as an agent sees them: plain objects and pure functions. Pages of the four lists and events
 * come in, in any order; rows come out.
 *
 * A list is known from its beginning to its frontier, the last row of its newest page. What lies behind the frontier
 * is not shown, though another list may have brought it: else rows would appear between rows that are already there.
 */

/** @typedef {import("../lib/kefu.d.ts").ConversationObject & { provisional?: boolean }} ConversationObject */
/** @typedef {import("../lib/kefu.d.ts").Message} Message */
/** @typedef {"waiting" | "mine" | "all" | "closed"} List */
/**
 * How far a list is known.
 * @typedef {{ readonly begun: boolean, readonly ended: boolean, readonly cursor: string | null,
 *   readonly frontier: number, readonly pages: number }} Extent
 * @typedef {{ readonly user: string, readonly objects: ReadonlyMap<string, ConversationObject>,
 *   readonly extents: Readonly<Record<List, Extent>> }} Queue
 */

/** @type {readonly List[]} */
export const LISTS = ["waiting", "mine", "all", "closed"];

const UNKNOWN = { begun: false, ended: false, cursor: null, frontier: -Infinity, pages: 0 };

/** What `conversations` is asked for each list, beside the store and the cursor. */
export const QUERIES = {
  waiting: { status: "waiting" },
  mine: { mine: true },
  all: {},
  closed: { status: "closed" },
};

/** @param {string} user @returns {Queue} */
export function empty(user) {
  return { user, objects: new Map(), extents: { waiting: UNKNOWN, mine: UNKNOWN, all: UNKNOWN, closed: UNKNOWN } };
}

/**
 * The list with one more page, the one behind its cursor.
 * @param {Queue} queue @param {List} list
 * @param {{ conversations: readonly ConversationObject[], cursor: string | null }} page
 * @returns {Queue}
 */
export function paged(queue, list, page) {
  const extent = queue.extents[list];
  const ended = page.cursor === null;
  const last = Math.max(extent.frontier, ...page.conversations.map((each) => place(list, each)));
  const next = { begun: true, ended, cursor: page.cursor, frontier: ended ? Infinity : last, pages: extent.pages + 1 };
  return { ...known(queue, page.conversations), extents: { ...queue.extents, [list]: next } };
}

/** With newer objects; what is older than what is there changes nothing. @returns {Queue} */
export function known(/** @type {Queue} */ queue, /** @type {readonly ConversationObject[]} */ found) {
  const objects = new Map(queue.objects);
  for (const each of found) objects.set(each.conversation, newer(objects.get(each.conversation), each));
  return { ...queue, objects };
}

/** With a message of the customer, the store or the system. @returns {Queue} */
export function received(/** @type {Queue} */ queue, /** @type {Message} */ message) {
  const old = queue.objects.get(message.conversation);
  if (!old || message.seq <= old.last_seq) return queue;
  const counts = message.from.side !== "store" && message.seq > old.read.store;
  const object = { ...old, last: message, last_seq: message.seq, unread: old.unread + (counts ? 1 : 0) };
  return { ...queue, objects: new Map(queue.objects).set(message.conversation, object) };
}

/**
 * Somebody else was first: said by the refusal, before the event with the next version comes.
 * @param {Queue} queue @param {string} id @param {{ user: string, name: string }} agent @returns {Queue}
 */
export function lost(queue, id, agent) {
  const old = queue.objects.get(id);
  if (!old || old.agent?.user === agent.user) return queue;
  const object = { ...old, status: /** @type {const} */ ("claimed"), agent, waiting_since: null, provisional: true };
  return { ...queue, objects: new Map(queue.objects).set(id, object) };
}

/**
 * The truth of two objects: status and claimer by the higher version, the last words by the higher seq, each read mark
 * by the further one. In another epoch whatever comes later counts.
 * @param {ConversationObject | undefined} old @param {ConversationObject} next @returns {ConversationObject}
 */
export function newer(old, next) {
  if (!old || (next.epoch !== undefined && next.epoch !== old.epoch)) return next;
  const stands = next.version > old.version || (next.version === old.version && !old.provisional) ? next : old;
  const says = next.last_seq >= old.last_seq ? next : old;
  const reads = next.read.store >= old.read.store ? next : old;
  const unread = next.last_seq === old.last_seq ? reads.unread : says.unread;
  const customer = Math.max(old.read.customer, next.read.customer);
  const read = { customer, store: reads.read.store };
  return { ...stands, last: says.last, last_seq: says.last_seq, unread, read };
}

/**
 * The rows of each queue, which are asked for more often than they change.
 * @type {WeakMap<Queue, Map<List, ConversationObject[]>>}
 */
const sorted = new WeakMap();

/** The conversations of a list in its order, as far as the list is known. @returns {readonly ConversationObject[]} */
export function rows(/** @type {Queue} */ queue, /** @type {List} */ list) {
  const known = sorted.get(queue) ?? new Map();
  sorted.set(queue, known);
  if (!known.has(list)) known.set(list, sort(queue, list));
  return known.get(list);
}

function sort(/** @type {Queue} */ queue, /** @type {List} */ list) {
  const { begun, frontier } = queue.extents[list];
  if (!begun) return [];
  const found = [];
  for (const each of queue.objects.values()) {
    if (belongs(list, each, queue.user) && place(list, each) <= frontier) found.push(each);
  }
  return found.sort((a, b) => place(list, a) - place(list, b) || (a.conversation < b.conversation ? -1 : 1));
}

/** Whether a conversation is in a list. */
export function belongs(
  /** @type {List} */ list,
  /** @type {ConversationObject} */ object,
  /** @type {string} */ user,
) {
  if (list === "all") return true;
  if (list === "mine") return object.status === "claimed" && object.agent?.user === user;
  return object.status === list;
}

/** A list's number: exact once it is known to its end, else the service's count, else null. @returns {number | null} */
export function count(/** @type {Queue} */ queue, /** @type {List} */ list, /** @type {number | null} */ total = null) {
  return queue.extents[list].ended ? rows(queue, list).length : total;
}

/** Messages that nobody has read in the conversations that the user serves. */
export function unreadOfMine(/** @type {Queue} */ queue) {
  let sum = 0;
  for (const each of queue.objects.values()) if (belongs("mine", each, queue.user)) sum += each.unread;
  return sum;
}

/** The rows whose name, id or last words hold what was typed. */
export function matching(/** @type {readonly ConversationObject[]} */ found, /** @type {string} */ text) {
  const wanted = text.trim().toLocaleLowerCase();
  if (!wanted) return found;
  return found.filter(({ customer, last }) =>
    [customer.name, customer.user, last?.body.text ?? ""].some((each) => each.toLocaleLowerCase().includes(wanted)),
  );
}

/**
 * An order that is held while somebody points at the list: each row stays where it is, also one that belongs elsewhere
 * by now, and new ones come behind them.
 * @param {readonly string[]} order @param {readonly string[]} wanted @returns {string[]}
 */
export function held(order, wanted) {
  const there = new Set(order);
  return [...order, ...wanted.filter((id) => !there.has(id))];
}

function place(/** @type {List} */ list, /** @type {ConversationObject} */ object) {
  if (list === "waiting") return object.waiting_since ?? Number.MAX_SAFE_INTEGER;
  return -(object.last?.at ?? 0);
}
