/** From a conversation's view to the rows of a log, and which of its messages are rendered. Pure. */

const GROUP_MS = 5 * 60_000;

/**
 * One line of a log. A row with the same `key` is the same element; it is touched only where another field differs.
 * @typedef {object} Row
 * @property {string} key
 * @property {"message" | "system" | "day" | "visit" | "unread"} kind
 * @property {number} at
 * @property {string} [label] of a day: what to call it
 * @property {number | null} [seq] null while it is not stored
 * @property {string} [id]
 * @property {boolean} [own] of the reader's side
 * @property {boolean} [head] the first of its group: says who and when
 * @property {boolean} [timed] the head says when (right below a day's divider, which says it, it does not)
 * @property {string | null} [name] whose it is, where the head says so
 * @property {string} [sender]
 * @property {string} [text]
 * @property {"sending" | "stored" | "read" | "failed" | null} [state] beside the last own one, and each that failed
 * @property {string | null} [code] why it failed
 */

/**
 * @param {import("../lib/kefu.js").ConversationView} view
 * @param {object} options
 * @param {number} [options.from] index of the first message to lay out
 * @param {number} [options.to] index behind the last one; what is pending follows only the very last
 * @param {number | null} [options.mark] up to where it was read when the log was opened
 * @param {boolean} [options.visits] tell the visits apart
 * @param {string | null} [options.user] the reader, where others write on the same side and want to be named
 * @param {(at: number) => string} options.day names a day
 * @returns {Row[]}
 */
export function layout(view, { from = 0, to = view.messages.length, mark = null, visits = false, user = null, day }) {
  const { messages, side } = view;
  const rows = [];
  const unread = firstUnread(view, mark);
  const newest = to === messages.length;
  const pending = newest ? view.pending : [];
  const lastOwn = pending.length || !newest ? null : messages.findLast((message) => message.from.side === side);
  const readUpTo = view.read[side === "customer" ? "store" : "customer"];
  const keys = new Set();
  let before = messages[from - 1];

  /** The dividers before `each`; answers whether there were any, and whether the last names the day. */
  function divide(each) {
    const count = rows.length;
    const { at, seq = each.id } = each;
    if (visits && before?.visit && each.visit > before.visit) rows.push({ key: `visit ${seq}`, kind: "visit", at });
    if (seq === unread) rows.push({ key: "unread", kind: "unread", at });
    const dated = !before || (!onOneDay(before.at, at) && at > before.at);
    if (dated) rows.push({ key: `day ${seq}`, kind: "day", at, label: day(at) });
    return { divided: rows.length > count, dated };
  }

  function add(row) {
    // Two agents may have used one id; the place tells them apart.
    if (keys.has(row.key)) row.key += ` ${row.seq}`;
    keys.add(row.key);
    rows.push(row);
  }

  for (let index = from; index < to; index += 1) {
    const message = messages[index];
    const { divided, dated } = divide(message);
    const { seq, id, at, from: sender, body: { text } } = message;
    const own = sender.side === side;
    if (sender.side === "system") {
      add({ key: `${seq} ${at}`, kind: "system", seq, at, text, own, sender: sender.name });
    } else {
      const head = divided || !groups(before, message);
      const name = head && (!own || (user && sender.user !== user)) ? sender.name : null;
      const state = message !== lastOwn ? null : seq <= readUpTo ? "read" : "stored";
      // An own message keeps the element that it had while it was pending.
      const key = own ? `own ${id}` : `${seq} ${at}`;
      const timed = head && !dated;
      add({ key, kind: "message", seq, id, at, own, head, timed, name, sender: sender.name, text, state, code: null });
    }
    before = message;
  }

  pending.forEach(({ id, text, at, state, error }, index) => {
    const from = { side, user: user ?? before?.from.user };
    const { divided, dated } = divide({ id, at });
    const head = divided || !groups(before, { at, from });
    const shown = state === "failed" ? "failed" : index === pending.length - 1 ? "sending" : null;
    add({
      key: `own ${id}`, kind: "message", seq: null, id, at, own: true, head, timed: head && !dated, name: null,
      sender: "", text, state: shown, code: error?.code ?? null,
    });
    before = { at, from };
  });
  return rows;
}

function groups(before, { from, at }) {
  return before?.from.side === from.side && before.from.user === from.user && at - before.at < GROUP_MS;
}

function onOneDay(a, b) {
  return Math.abs(a - b) < 86_400_000 && new Date(a).getDate() === new Date(b).getDate();
}

/**
 * The seq of the first message of another beyond the mark; null where there is none, or where it is not loaded.
 * @param {import("../lib/kefu.js").ConversationView} view
 * @param {number | null} mark
 */
export function firstUnread({ messages, side, more }, mark) {
  if (mark === null || !messages.length || (more && messages[0].seq > mark + 1)) return null;
  for (let index = indexOf(messages, mark + 1); index < messages.length; index += 1) {
    if (messages[index].from.side !== side) return messages[index].seq;
  }
  return null;
}

/**
 * Where `seq` is, or the first message behind it.
 * @param {readonly { seq: number }[]} messages ascending
 * @param {number} seq
 */
export function indexOf(messages, seq) {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle].seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The seqs of those that contain `text`, whatever the case; ascending.
 * @param {readonly import("../lib/kefu.js").Message[]} messages
 * @param {string} text
 * @returns {number[]}
 */
export function find(messages, text) {
  const wanted = text.trim().toLocaleLowerCase();
  if (!wanted) return [];
  return messages.filter(({ body }) => body.text.toLocaleLowerCase().includes(wanted)).map(({ seq }) => seq);
}

/**
 * The stretch of messages that is rendered, by seq, both ends within it; `to` is Infinity where it reaches the newest.
 * @typedef {{ from: number, to: number }} Stretch
 */
const FIRST = 100;
const STEP = 50;
const MOST = 300;

const last = (messages) => messages.at(-1)?.seq ?? 0;
const first = (messages) => messages[0]?.seq ?? 1;
const open = (to, messages) => to >= last(messages) ? Infinity : to;

/** @returns {Stretch} the newest few */
export const newest = (messages) => ({ from: Math.max(first(messages), last(messages) - FIRST + 1), to: Infinity });

/** @returns {Stretch} those around one */
export const around = (messages, seq) =>
  ({ from: Math.max(first(messages), seq - FIRST / 2), to: open(seq + FIRST / 2, messages) });

/** @returns {Stretch} with more above, and what is far below left out */
export function upwards(messages, { from, to }) {
  const start = Math.max(first(messages), from - STEP);
  return { from: start, to: open(Math.min(to, start + MOST - 1), messages) };
}

/** @returns {Stretch} with more below, and what is far above left out */
export function downwards(messages, { from, to }) {
  const end = to + STEP;
  return { from: Math.max(from, Math.min(end, last(messages)) - MOST + 1), to: open(end, messages) };
}

/** Indexes of a stretch, for `layout`; a history that has become shorter leaves the newest. */
export function slice(messages, stretch) {
  const from = indexOf(messages, stretch.from);
  const to = stretch.to === Infinity ? messages.length : indexOf(messages, stretch.to + 1);
  return { from: Math.min(from, Math.max(0, messages.length - 1)), to };
}
