import assert from "node:assert/strict";
import test from "node:test";
import {
  around, downwards, find, firstUnread, indexOf, layout, newest, slice, upwards,
} from "../../../chalicelib/web/chat/rows.js";

const MINUTE = 60_000;
const NOON = new Date("2026-11-25T12:00:00").getTime();
const MING = { user: "ming", name: "Ming", side: "customer" };
const LI = { user: "li", name: "小李 Li", side: "store" };
const WANG = { user: "wang", name: "王姐 Wang", side: "store" };
const SYSTEM = { user: "system", name: "Tea House", side: "system" };

function viewOf(lines, rest = {}) {
  const messages = lines.map(([from, text, at = NOON, visit = 1], index) =>
    ({ seq: index + 1, id: `m${index + 1}`, from, body: { type: "text", text }, at, visit }));
  return { side: "customer", messages, pending: [], more: false, read: { customer: 0, store: 0 }, ...rest };
}

const rows = (view, options) => layout(view, { day: (at) => new Date(at).toDateString(), ...options });
const shape = (view, options) => rows(view, options).map((row) => row.text ?? row.kind);
const states = (view, options) => rows(view, options).filter((row) => row.text).map((row) => row.state);
const pending = (id, state = "waiting", at = NOON) => ({ id, text: id, at, state, error: null });

test("the messages of one sender within five minutes are a group, and its head says who", () => {
  const view = viewOf([
    [LI, "a"], [LI, "b", NOON + 4 * MINUTE], [LI, "c", NOON + 10 * MINUTE], [WANG, "d", NOON + 11 * MINUTE],
    [MING, "e", NOON + 12 * MINUTE],
  ]);
  const heads = rows(view).filter((row) => row.text).map((row) => [row.text, row.head, row.name]);
  assert.deepEqual(heads, [
    ["a", true, "小李 Li"], ["b", false, null], ["c", true, "小李 Li"], ["d", true, "王姐 Wang"], ["e", true, null],
  ]);
});

test("each day begins with its divider, which says the time for the message below it", () => {
  const view = viewOf([[LI, "a", NOON - 13 * 60 * MINUTE], [LI, "b", NOON - 11 * 60 * MINUTE], [LI, "c"]]);
  assert.deepEqual(shape(view), ["day", "a", "day", "b", "c"]);
  assert.deepEqual(rows(view).filter((row) => row.text).map((row) => row.timed), [false, false, true]);
});

test("what the system says stands by itself, and ends a group", () => {
  const found = rows(viewOf([[LI, "a"], [SYSTEM, "paid"], [LI, "b"]]));
  assert.deepEqual(found.map((row) => row.kind), ["day", "message", "system", "message"]);
  assert.equal(found.at(-1).head, true);
});

test("the New divider is before the first message of another beyond the mark", () => {
  const view = viewOf([[MING, "a"], [LI, "b"], [MING, "c"], [LI, "d"], [LI, "e"]]);
  assert.deepEqual(shape(view, { mark: 2 }), ["day", "a", "b", "c", "unread", "d", "e"]);
  assert.deepEqual(shape(view, { mark: 5 }), ["day", "a", "b", "c", "d", "e"]);
  assert.deepEqual(shape(view, { mark: null }), ["day", "a", "b", "c", "d", "e"]);
});

test("there is no New divider where the first unread message is not loaded", () => {
  const view = viewOf([[LI, "a"], [LI, "b"], [LI, "c"]], { more: true });
  view.messages.shift();
  assert.equal(firstUnread(view, 0), null);
  assert.equal(firstUnread(view, 1), 2);
});

test("visits are told apart where that is asked for", () => {
  const view = viewOf([[MING, "a"], [LI, "b", NOON, 1], [MING, "c", NOON, 2]]);
  assert.deepEqual(shape(view, { visits: true }), ["day", "a", "b", "visit", "c"]);
  assert.deepEqual(shape(view), ["day", "a", "b", "c"]);
});

test("only the last own message shows its state: stored, and read once the other side has read it", () => {
  const lines = [[MING, "a"], [LI, "b"], [MING, "c"], [LI, "d"]];
  assert.deepEqual(states(viewOf(lines, { read: { customer: 0, store: 2 } })), [null, null, "stored", null]);
  assert.deepEqual(states(viewOf(lines, { read: { customer: 0, store: 3 } })), [null, null, "read", null]);
  const seen = viewOf(lines, { side: "store", read: { customer: 4, store: 0 } });
  assert.deepEqual(states(seen), [null, null, null, "read"]);
});

test("what is pending follows, the last of it shows that it is being sent, and each that failed says so", () => {
  const entries = [pending("x", "failed"), pending("y", "sending"), pending("z")];
  const view = viewOf([[MING, "a"], [LI, "b"]], { pending: entries });
  assert.deepEqual(shape(view), ["day", "a", "b", "x", "y", "z"]);
  assert.deepEqual(states(view), [null, null, "failed", null, "sending"]);
});

test("an own message keeps its row when it has been stored", () => {
  const before = rows(viewOf([[LI, "a"]], { pending: [pending("m2")] }));
  const after = rows(viewOf([[LI, "a"], [MING, "m2"]]));
  assert.equal(before.at(-1).key, after.at(-1).key);
});

test("two agents with one id have two rows", () => {
  const view = viewOf([[LI, "a"], [WANG, "b"]], { side: "store" });
  view.messages.forEach((message) => { message.id = "same"; });
  assert.equal(new Set(rows(view).map((row) => row.key)).size, 3);
});

test("on a side with several people the others are named, the reader is not", () => {
  const view = viewOf([[LI, "a"], [WANG, "b"], [MING, "c"]], { side: "store" });
  const names = rows(view, { user: "li" }).filter((row) => row.text).map((row) => row.name);
  assert.deepEqual(names, [null, "王姐 Wang", "Ming"]);
});

test("a stretch that does not reach the newest message leaves out what is pending", () => {
  const view = viewOf([[MING, "a"], [LI, "b"], [MING, "c"]], { pending: [pending("x")] });
  assert.deepEqual(shape(view, { from: 1, to: 2 }), ["b"]);
});

const some = (count, from = 1) => Array.from({ length: count }, (_, index) => ({ seq: from + index }));
const seqs = (messages, stretch) => {
  const { from, to } = slice(messages, stretch);
  return [messages[from]?.seq, messages[to - 1]?.seq];
};

test("a place is found by seq, whatever is loaded", () => {
  const messages = some(10, 41);
  assert.deepEqual([40, 41, 45, 50, 51].map((seq) => indexOf(messages, seq)), [0, 0, 4, 9, 10]);
});

test("messages are found by any part of their text, whatever the case", () => {
  const { messages } = viewOf([[MING, "Celadon jar"], [LI, "青瓷茶叶罐"], [LI, "No JAR"]]);
  assert.deepEqual(find(messages, " jar "), [1, 3]);
  assert.deepEqual(find(messages, "茶叶"), [2]);
  assert.deepEqual(find(messages, " "), []);
  assert.deepEqual(find(messages, ".*"), []);
});

test("a log begins with the newest messages, and grows upwards to the first that is loaded", () => {
  const messages = some(5000);
  let stretch = newest(messages);
  assert.deepEqual(seqs(messages, stretch), [4901, 5000]);
  stretch = upwards(messages, stretch);
  assert.deepEqual(seqs(messages, stretch), [4851, 5000]);
  for (let step = 0; step < 100; step += 1) stretch = upwards(messages, stretch);
  assert.deepEqual(seqs(messages, stretch), [1, 300]);
});

test("downwards it comes to the newest message again, and follows it from there", () => {
  const messages = some(5000);
  let stretch = around(messages, 3000);
  assert.deepEqual(seqs(messages, stretch), [2950, 3050]);
  for (let step = 0; step < 100; step += 1) stretch = downwards(messages, stretch);
  assert.equal(stretch.to, Infinity);
  assert.equal(seqs([...messages, { seq: 5001 }], stretch)[1], 5001);
});

test("no stretch holds more than 300 messages, wherever one goes", () => {
  const messages = some(5000);
  let stretch = around(messages, 2500);
  for (let step = 0; step < 60; step += 1) {
    stretch = (step % 3 ? upwards : downwards)(messages, stretch);
    const [from, to] = seqs(messages, stretch);
    assert.ok(to - from < 300, `${from} to ${to}`);
  }
});

test("an empty conversation, and one that lost its newest messages, have a stretch too", () => {
  assert.deepEqual(slice([], newest([])), { from: 0, to: 0 });
  const { from, to } = slice(some(10), { from: 4901, to: Infinity });
  assert.ok(from < to);
});
