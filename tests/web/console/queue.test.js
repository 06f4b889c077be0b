/** The lists of an agent, from pages and events in any order. */

import assert from "node:assert/strict";
import test from "node:test";

import {
  count,
  empty,
  held,
  known,
  lost,
  matching,
  paged,
  received,
  rows,
  unreadOfMine,
} from "../../../chalicelib/web/console/queue.js";

const message = (customer, seq, at, side = "customer", text = "hi") => ({
  conversation: `tea:${customer}`,
  seq,
  id: `m${seq}`,
  at,
  body: { type: "text", text },
  from: { user: side === "customer" ? customer : "li", name: side === "customer" ? customer : "小李", side },
});
const object = (customer, changes = {}) => {
  const { at = 1000, last_seq = 1, ...rest } = changes;
  return {
    conversation: `tea:${customer}`,
    store: "tea",
    customer: { user: customer, name: customer.toUpperCase() },
    status: "waiting",
    agent: null,
    last: message(customer, last_seq, at),
    last_seq,
    unread: 1,
    read: { customer: 0, store: 0 },
    waiting_since: at,
    version: 1,
    epoch: "e",
    ...rest,
  };
};
const claimed = (customer, agent, changes = {}) =>
  object(customer, {
    status: "claimed",
    agent: { user: agent, name: agent },
    waiting_since: null,
    version: 2,
    ...changes,
  });
const ids = (queue, list) => rows(queue, list).map((each) => each.customer.user);
const page = (conversations, cursor = null) => ({ conversations, cursor });

test("who waits longest comes first, and in all other lists who wrote last", () => {
  const old = object("old", { waiting_since: 10, at: 900 });
  const young = object("young", { waiting_since: 20, at: 30 });
  const queue = paged(paged(empty("li"), "waiting", page([old, young])), "all", page([old, young]));
  assert.deepEqual(ids(queue, "waiting"), ["old", "young"]);
  assert.deepEqual(ids(queue, "all"), ["old", "young"]);
});

test("a list shows nothing before its first page, though others have brought conversations", () => {
  const queue = paged(empty("li"), "all", page([object("ming")]));
  assert.deepEqual(ids(queue, "waiting"), []);
  assert.deepEqual(ids(queue, "all"), ["ming"]);
});

test("what lies behind the frontier of a list is not shown until its page comes", () => {
  let queue = paged(empty("li"), "waiting", page([object("a", { at: 1 }), object("b", { at: 2 })], "more"));
  queue = paged(queue, "all", page([object("z", { at: 99 }), object("b", { at: 2 }), object("a", { at: 1 })]));
  assert.deepEqual(ids(queue, "waiting"), ["a", "b"]);
  queue = paged(queue, "waiting", page([object("m", { at: 50 }), object("z", { at: 99 })]));
  assert.deepEqual(ids(queue, "waiting"), ["a", "b", "m", "z"]);
});

test("the highest version decides who serves, whatever comes last", () => {
  const queue = known(known(empty("li"), [claimed("ming", "wang", { version: 5 })]), [object("ming", { version: 4 })]);
  assert.equal(queue.objects.get("tea:ming").agent.user, "wang");
});

test("an older object that knows more messages keeps the last words, not the status", () => {
  const newer = claimed("ming", "wang", { version: 5, last_seq: 2 });
  const queue = known(known(empty("li"), [newer]), [object("ming", { version: 4, last_seq: 3, unread: 3 })]);
  const { status, last_seq, unread } = queue.objects.get("tea:ming");
  assert.deepEqual({ status, last_seq, unread }, { status: "claimed", last_seq: 3, unread: 3 });
});

test("a read mark never goes back, nor does what is unread come back with an old page", () => {
  const read = object("ming", { read: { customer: 0, store: 1 }, unread: 0 });
  const queue = known(known(empty("li"), [read]), [object("ming")]);
  assert.deepEqual(queue.objects.get("tea:ming").read, { customer: 0, store: 1 });
  assert.equal(queue.objects.get("tea:ming").unread, 0);
});

test("in another epoch a lower version counts", () => {
  const queue = known(known(empty("li"), [claimed("ming", "wang", { version: 9 })]), [
    object("ming", { version: 2, epoch: "f" }),
  ]);
  assert.equal(queue.objects.get("tea:ming").status, "waiting");
});

test("a message of the customer is the last words, and unread; one of the store is not unread", () => {
  let queue = known(empty("li"), [claimed("ming", "li", { unread: 0, read: { customer: 0, store: 1 } })]);
  queue = received(queue, message("ming", 2, 2000));
  assert.equal(unreadOfMine(queue), 1);
  queue = received(queue, message("ming", 3, 3000, "store", "yes"));
  assert.equal(unreadOfMine(queue), 1);
  assert.equal(queue.objects.get("tea:ming").last.body.text, "yes");
});

test("a message that is known already changes nothing", () => {
  const queue = known(empty("li"), [object("ming", { last_seq: 4 })]);
  assert.equal(received(queue, message("ming", 4, 2000)), queue);
  assert.equal(received(queue, message("nobody", 1, 2000)), queue);
});

test("the loser of a claim sees the winner before the event comes, and then the event counts", () => {
  let queue = lost(known(empty("li"), [object("ming")]), "tea:ming", { user: "wang", name: "王姐" });
  assert.equal(queue.objects.get("tea:ming").agent.name, "王姐");
  queue = known(queue, [object("ming")]);
  assert.equal(queue.objects.get("tea:ming").status, "claimed", "an old page does not undo it");
  queue = known(queue, [claimed("ming", "zhao", { version: 3 })]);
  assert.equal(queue.objects.get("tea:ming").agent.user, "zhao");
});

test("claimed by another it leaves the waiting; claimed by me it is mine", () => {
  let queue = paged(empty("li"), "waiting", page([object("a"), object("b")]));
  queue = paged(queue, "mine", page([]));
  queue = known(queue, [claimed("a", "li"), claimed("b", "wang")]);
  assert.deepEqual(ids(queue, "waiting"), []);
  assert.deepEqual(ids(queue, "mine"), ["a"]);
});

test("a number is exact once the list is known to its end, else it is the service's", () => {
  const queue = paged(empty("li"), "waiting", page([object("a")], "more"));
  assert.equal(count(queue, "waiting", 250), 250);
  assert.equal(count(paged(queue, "waiting", page([])), "waiting", 250), 1);
});

test("while the order is held nobody moves: who has left stays, who is new comes last", () => {
  assert.deepEqual(held(["a", "b", "c"], ["new", "c", "a"]), ["a", "b", "c", "new"]);
});

test("a search looks at names, ids and last words, whatever the case", () => {
  const found = [object("ming"), object("chen", { last: message("chen", 1, 1, "customer", "Is the JAR there?") })];
  assert.deepEqual(
    matching(found, "jar").map((each) => each.customer.user),
    ["chen"],
  );
  assert.deepEqual(
    matching(found, "MIN").map((each) => each.customer.user),
    ["ming"],
  );
  assert.equal(matching(found, "  ").length, 2);
});

test("of five thousand that wait one is claimed, and the others stay as they were", () => {
  const many = Array.from({ length: 5000 }, (_, n) => object(`c${n}`, { at: (n * 7919) % 5000 }));
  const queue = paged(empty("li"), "waiting", page(many));
  const before = rows(queue, "waiting");
  const next = known(queue, [claimed("c17", "wang")]);
  const others = before.filter((row) => !row.conversation.endsWith(":c17"));
  assert.equal(others.length, 4999);
  assert.deepEqual(rows(next, "waiting"), others);
});
