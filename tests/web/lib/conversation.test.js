import assert from "node:assert/strict";
import { test } from "node:test";

import * as conversation from "../../../chalicelib/web/lib/conversation.js";
import { objectOf, unreadOf, withObject } from "../../../chalicelib/web/lib/unread.js";
import * as written from "../../../chalicelib/web/lib/written.js";

/** @import { State } from "../../../chalicelib/web/lib/conversation.js" */

const ID = "tea-house:ming";

/** @param {number} seq @param {Record<string, any>} [more] @returns {any} */
function message(seq, { user = "li", epoch = "e1", id = `m${seq}`, at = seq * 10 } = {}) {
  const side = user === "ming" ? "customer" : user === "system" ? "system" : "store";
  return { conversation: ID, seq, id, from: { user, name: user, side }, body: { type: "text", text: id }, at, epoch };
}
const page = (/** @type {number} */ from, /** @type {number} */ to, /** @type {Record<string, any>} */ how = {}) =>
  Array.from({ length: to - from + 1 }, (_, place) => message(from + place, how));

const fresh = conversation.create(ID, "ming");
const open = conversation.loaded(fresh, { messages: page(1, 3), more: false }).state;

/** @param {State} state @param {any[]} messages @param {Record<string, any>} [how] */
function take(state, messages, { isOpen = true } = {}) {
  const news = [];
  for (const each of messages) {
    const change = conversation.received(state, each, { fresh: true, open: isOpen });
    state = change.state;
    news.push(...change.news.map(({ message: { seq } }) => seq));
  }
  return { state, news, seqs: seqs(state) };
}
const seqs = (/** @type {State} */ state) => state.run.messages.map(({ seq }) => seq);
const entry = (/** @type {string} */ id) =>
  Object.freeze({ id, conversation: ID, text: id, at: 1, state: /** @type {const} */ ("waiting"), error: null });
const object = (/** @type {Record<string, any>} */ fields) =>
  /** @type {any} */ ({
    ...{
      conversation: ID,
      store: "tea-house",
      customer: { user: "ming", name: "Ming" },
      status: "waiting",
      agent: null,
    },
    ...{
      last: null,
      last_seq: 3,
      unread: 3,
      read: { customer: 0, store: 0 },
      waiting_since: 1,
      version: 1,
      epoch: "e1",
    },
    ...fields,
  });

test("messages that come out of order are shown in order, each once", () => {
  const { seqs: shown, news } = take(open, [message(5), message(4), message(5), message(6), message(2)]);
  assert.deepEqual(shown, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(news, [4, 5, 6]);
});

test("what lies behind a gap is not shown, and is asked for", () => {
  const { state, seqs: shown, news } = take(open, [message(6)]);
  assert.deepEqual([shown, news], [[1, 2, 3], []]);
  assert.equal(conversation.wants(state), "fill");
  const filled = conversation.filled(state, page(4, 5));
  assert.deepEqual(seqs(filled.state), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    filled.news.map(({ message: { seq } }) => seq),
    [4, 5, 6],
  );
  assert.equal(conversation.wants(filled.state), null);
});

test("in a conversation that nobody has opened a gap is given up after a moment", () => {
  const first = take(fresh, [message(7), message(10)], { isOpen: false });
  assert.deepEqual([first.seqs, first.news], [[7], [7]]);
  const skipped = conversation.skipped(first.state);
  assert.deepEqual(seqs(skipped.state), [10]);
  assert.deepEqual(
    skipped.news.map(({ message: { seq } }) => seq),
    [10],
  );
});

test("what comes after its gap was given up is told all the same, and only once", () => {
  const { state } = take(fresh, [message(7), message(10)], { isOpen: false });
  const late = take(conversation.skipped(state).state, [message(9), message(9), message(6), message(7)], {
    isOpen: false,
  });
  assert.deepEqual(late.news, [9, 6]);
});

test("a conversation that nobody has opened keeps its newest messages only", () => {
  const { state } = take(fresh, page(1, 80), { isOpen: false });
  assert.equal(seqs(state)[0], 31);
  assert.equal(state.more, true);
});

test("the first page joins what came while it was asked for", () => {
  const { state } = take(fresh, [message(51), message(52)]);
  const loaded = conversation.loaded(state, { messages: page(2, 51), more: true });
  assert.deepEqual(
    seqs(loaded.state),
    page(2, 52).map(({ seq }) => seq),
  );
  assert.equal(loaded.state.more, true);
});

test("a page that does not reach what came meanwhile leaves a gap, which is asked for", () => {
  const { state } = take(fresh, [message(60)]);
  const loaded = conversation.loaded(state, { messages: page(1, 50), more: false }).state;
  assert.deepEqual([seqs(loaded).length, conversation.wants(loaded)], [50, "fill"]);
});

test("older pages go before, and only where they fit", () => {
  const { state } = conversation.loaded(fresh, { messages: page(51, 100), more: true });
  const older = conversation.prepended(state, { messages: page(1, 50), more: false });
  assert.deepEqual([seqs(older).length, older.more], [100, false]);
  assert.equal(conversation.prepended(state, { messages: page(1, 40), more: false }), state);
});

test("a message of one's own is shown once: pending until the run has it, then as a message", () => {
  let state = written.pended(open, entry("a"));
  assert.deepEqual(
    conversation.viewOf(state).pending.map(({ id }) => id),
    ["a"],
  );
  const stored = { id: "a", text: "a", seq: 5, at: 50, name: "Ming" };
  state = written.sent(state, stored, true).state;
  assert.deepEqual(
    conversation.viewOf(state).pending.map(({ id }) => id),
    ["a"],
    "4 has not come yet",
  );
  state = conversation.received(state, message(4), { fresh: true, open: true }).state;
  assert.deepEqual(conversation.viewOf(state).pending, []);
  assert.deepEqual(seqs(state), [1, 2, 3, 4, 5]);
});

test("a pending message that is seen in its conversation is stored, whatever became of the reply", () => {
  const state = written.pended(open, entry("a"));
  const change = conversation.received(state, message(4, { user: "ming", id: "a" }), { fresh: true, open: true });
  assert.deepEqual(change.settled, ["a"]);
  assert.deepEqual(change.state.pending, []);
  assert.equal(written.pended(change.state, entry("a")), change.state, "nor does a late word of it bring it back");
});

test("one's own messages are no news", () => {
  const change = conversation.received(open, message(4, { user: "ming" }), { fresh: true, open: true });
  assert.deepEqual(change.news, []);
});

test("unread are the others' messages beyond the read mark", () => {
  const state = take(open, [message(4, { user: "ming" }), message(5, { user: "system" })]).state;
  assert.equal(unreadOf(state), 4);
  assert.equal(unreadOf(conversation.read(state, "customer", 3)), 1);
  assert.equal(unreadOf(conversation.read(state, "customer", 5)), 0);
});

test("where the run does not reach back to the mark, the service's count goes on", () => {
  const known = withObject(fresh, object({ last_seq: 90, unread: 40 })).state;
  const state = take(known, [message(91), message(92, { user: "ming" })], { isOpen: false }).state;
  assert.equal(unreadOf(state), 41);
  assert.equal(objectOf(state)?.last_seq, 92);
  assert.equal(unreadOf(conversation.read(state, "customer", 92)), 0);
});

test("of one epoch the object of the highest version counts, of another the one that comes", () => {
  const known = withObject(open, object({ version: 5, status: "claimed" })).state;
  assert.equal(withObject(known, object({ version: 4 })).state.object?.status, "claimed");
  assert.equal(withObject(known, object({ version: 2, epoch: "e2" })).state.object?.status, "waiting");
});

test("read marks never move back within an epoch", () => {
  const state = withObject(conversation.read(open, "store", 3), object({ read: { customer: 1, store: 2 } })).state;
  assert.deepEqual(state.read, { customer: 1, store: 3 });
});

test("another epoch, or an object behind what is held, raises a doubt", () => {
  const known = withObject(open, object({})).state;
  assert.equal(withObject(known, object({ epoch: "e2" })).doubt, true);
  assert.equal(withObject(known, object({ last_seq: 2, version: 2 })).doubt, true);
  assert.equal(withObject(known, object({ version: 2 })).doubt, false);
});

test("while in doubt nothing is shown that may not be there", () => {
  const { state, seqs: shown } = take(open, [message(4, { epoch: "e2" }), message(5, { epoch: "e2" })]);
  assert.equal(conversation.wants(state), "compare");
  assert.deepEqual(shown, [1, 2, 3]);
});

test("a comparison that finds everything just so loses nothing", () => {
  const { state } = take(open, [message(4, { epoch: "e2" })]);
  const change = conversation.compared(state, { messages: [...page(2, 3), message(4, { epoch: "e2" })], more: true });
  assert.deepEqual(seqs(change.state), [1, 2, 3, 4]);
  assert.deepEqual(change.lost, []);
  assert.deepEqual(
    change.news.map(({ message: { seq } }) => seq),
    [4],
  );
});

test("a comparison takes what is stored, and hands back what was one's own and is lost", () => {
  const own = take(open, [message(4, { user: "ming", id: "mine" }), message(5, { id: "theirs" })]).state;
  const doubt = conversation.doubting(own);
  const stored = [...page(1, 3), message(4, { epoch: "e2", id: "another", at: 99 })];
  const change = conversation.compared(doubt, { messages: stored, more: false });
  assert.deepEqual(
    change.state.run.messages.map(({ id }) => id),
    ["m1", "m2", "m3", "another"],
  );
  assert.deepEqual(
    change.lost.map(({ id }) => id),
    ["mine"],
  );
  assert.deepEqual(
    change.news.map(({ message: { id } }) => id),
    ["another"],
    "which has a number that was told before",
  );
});

test("what arrives while storage is compared is kept, and follows", () => {
  const doubt = conversation.doubting(open);
  const during = take(doubt, [message(4, { epoch: "e2" }), message(6, { epoch: "e2" })]).state;
  const change = conversation.compared(during, { messages: page(1, 3), more: false });
  assert.deepEqual(seqs(change.state), [1, 2, 3], "an epoch that begins here is compared by itself");
  const after = conversation.compared(during, { messages: [...page(1, 3), message(4, { epoch: "e2" })], more: false });
  assert.deepEqual([seqs(after.state), conversation.wants(after.state)], [[1, 2, 3, 4], "fill"]);
});

test("all states are frozen", () => {
  const view = conversation.viewOf(take(open, [message(4)]).state);
  for (const value of [view, view.messages, view.messages[3], view.messages[3].from, view.pending, view.read]) {
    assert.ok(Object.isFrozen(value));
  }
});

test("what was written while a page was asked for is fresh, whichever brings it first", () => {
  const { news } = conversation.loaded(fresh, { messages: page(1, 3), more: false }, 30);
  assert.deepEqual(
    news.map((arrival) => arrival.fresh),
    [false, false, true],
  );
  const { news: rest } = conversation.filled(open, page(4, 5), 45);
  assert.deepEqual(
    rest.map((arrival) => arrival.fresh),
    [false, true],
  );
});
