import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Service } from "./service.js";
import { joins, settled, World } from "./world.js";

const ID = "tea-house:ming";
/** @type {World} */
let world;
/** @type {Service} */
let service;

beforeEach(() => {
  world = new World();
  service = new Service(() => world.now);
});

const seqs = (/** @type {any} */ conversation) => conversation.view.messages.map((/** @type {any} */ { seq }) => seq);
const asked = (/** @type {string} */ action) => service.frames.filter((frame) => frame.action === action);
const numbers = (/** @type {number} */ from, /** @type {number} */ to) =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** A client with that conversation open. @param {number} [before]  messages that are there already */
async function opens(before = 0, user = "ming") {
  for (let n = 1; n <= before; n++) service.says(ID, "li", `${n}`, `m${n}`);
  service.list("ming").entries = [];
  const joined = await joins(world, service, user);
  const conversation = joined.client.conversation(ID);
  /** @type {any[]} */
  const views = [];
  const leave = conversation.subscribe((/** @type {any} */ view) => views.push(view));
  await settled();
  return { ...joined, conversation, views, leave };
}

test("a conversation that is opened loads its newest page and its object", async () => {
  const { conversation } = await opens(120);
  assert.deepEqual(seqs(conversation), numbers(71, 120));
  const { loaded, more, object } = conversation.view;
  assert.deepEqual([loaded, more, object?.last_seq], [true, true, 120]);
});

test("older pages come one by one, until there are none", async () => {
  const { conversation } = await opens(120);
  await Promise.all([conversation.older(), conversation.older()]);
  assert.deepEqual(seqs(conversation), numbers(21, 120));
  await conversation.older();
  await conversation.older();
  assert.deepEqual([seqs(conversation).length, conversation.view.more], [120, false]);
  assert.equal(asked("history").filter(({ before }) => before).length, 2);
});

test("a conversation that does not exist yet is an empty one", async () => {
  const { conversation } = await opens(0);
  const { loaded, messages, error, object } = conversation.view;
  assert.deepEqual([loaded, messages, error, object], [true, [], null, null]);
});

test("one whose store does not exist, or that may not be seen, says so", async () => {
  service.refuse("store", "not_found");
  const { conversation } = await opens(0);
  assert.equal(conversation.view.error?.code, "not_found");
  service.refuse("history", "forbidden");
  const strange = await opens(0, "bo");
  assert.equal(strange.conversation.view.error?.code, "forbidden");
});

test("what a push did not bring is fetched when the next message shows the gap", async () => {
  const { conversation, heard } = await opens(3);
  service.lostPushes.add("ming 4");
  service.says(ID, "li", "4");
  service.says(ID, "li", "5");
  await settled();
  assert.deepEqual(seqs(conversation), [1, 2, 3]);
  await world.pass(300);
  assert.deepEqual(seqs(conversation), numbers(1, 5));
  assert.deepEqual(heard().slice(-2), ["4", "5"]);
});

test("a message that was only overtaken is not asked for", async () => {
  const { conversation, client } = await opens(3);
  const [four, five] = [4, 5].map((seq) => ({
    type: "message",
    offset: seq,
    ...service.says("other:x", "li", `${seq}`),
    conversation: ID,
    seq,
  }));
  service.push("ming", five);
  await world.pass(100);
  service.push("ming", four);
  await world.pass(1000);
  assert.deepEqual(seqs(conversation), numbers(1, 5));
  assert.equal(asked("history").length, 1, "the first page");
  client.close();
});

test("a lost push that nothing follows is found by the next ping, and brought by sync", async () => {
  const { conversation } = await opens(3);
  service.lostPushes.add("ming 4");
  service.says(ID, "li", "4");
  await world.pass(59_000);
  assert.deepEqual(seqs(conversation), [1, 2, 3]);
  await world.pass(4_000);
  assert.deepEqual(seqs(conversation), numbers(1, 4));
  assert.equal(asked("sync").length, 1);
});

test("after a reconnect it has what another device has acknowledged meanwhile", async () => {
  const { conversation } = await opens(3);
  service.cut();
  for (let n = 4; n <= 250; n++) service.says(ID, "li", `${n}`);
  service.list("ming").entries = [];
  await world.pass(1000);
  assert.deepEqual(seqs(conversation), numbers(1, 250));
});

test("a view is told at most once a microtask, and is another object only after a change", async () => {
  const { conversation, views } = await opens(3);
  const { length } = views;
  const { view } = conversation;
  for (let n = 4; n <= 9; n++) service.says(ID, "li", `${n}`);
  await settled();
  assert.ok(views.length - length <= 6);
  assert.notEqual(conversation.view, view);
  assert.equal(conversation.view, conversation.view);
  assert.ok(views.every((each, place) => each !== views[place + 1]));
});

test("nobody who has left is told anything, and nothing is asked for any more", async () => {
  const { views, leave } = await opens(3);
  leave();
  const { length } = views;
  service.cut();
  await world.pass(1000);
  assert.equal(views.length, length);
  assert.equal(asked("history").length, 1);
});

test("reading moves the mark at once, and tells the service once", async () => {
  const { conversation } = await opens(3);
  conversation.read();
  conversation.read();
  conversation.read(2);
  assert.deepEqual([conversation.view.unread, conversation.view.read.customer], [0, 3]);
  await settled();
  assert.deepEqual(
    asked("read").map(({ seq }) => seq),
    [3],
  );
});

test("many steps of a read mark cost few requests", async () => {
  const { conversation } = await opens(30);
  for (let seq = 1; seq <= 30; seq++) conversation.read(seq);
  await settled();
  assert.deepEqual(
    asked("read").map(({ seq }) => seq),
    [1, 30],
  );
});

test("a read mark that could not be sent is sent after the next connect", async () => {
  const { conversation } = await opens(3);
  service.refuses = true;
  service.cut();
  await settled();
  conversation.read();
  await world.pass(60_000);
  service.refuses = false;
  await world.pass(31_000);
  assert.deepEqual(
    asked("read").map(({ seq }) => seq),
    [3],
  );
});

test("who is writing is shown, until the message comes or time has passed", async () => {
  const { conversation } = await opens(3);
  const from = { user: "li", name: "li", side: "store" };
  service.push("ming", { type: "typing", conversation: ID, from, on: true });
  await settled();
  assert.deepEqual(conversation.view.typing, from);
  await world.pass(8_000);
  assert.equal(conversation.view.typing, null);
  service.push("ming", { type: "typing", conversation: ID, from, on: true });
  service.says(ID, "li", "4");
  await settled();
  assert.equal(conversation.view.typing, null);
});

test("that this user writes is said seldom, and taken back when calls cease", async () => {
  const { conversation } = await opens(3);
  for (let n = 0; n < 100; n++) {
    conversation.typing(true);
    await world.pass(100);
  }
  assert.deepEqual(
    asked("typing").map(({ on }) => on),
    [true, true, true],
  );
  await world.pass(6_000);
  assert.deepEqual(
    asked("typing").map(({ on }) => on),
    [true, true, true, false],
  );
  conversation.typing(false);
  assert.equal(asked("typing").length, 4);
});

test("a message that is sent says by itself that nobody writes any more", async () => {
  const { conversation } = await opens(3);
  conversation.typing(true);
  await conversation.send("hello");
  await world.pass(10_000);
  assert.deepEqual(
    asked("typing").map(({ on }) => on),
    [true],
  );
});

test("a watch is kept up across reconnects and rotations", async () => {
  const { conversation } = await opens(3, "wang");
  await conversation.watch(true);
  service.cut();
  await world.pass(1000);
  await world.pass(120 * 60_000);
  assert.equal(asked("watch").length, 3);
  await conversation.watch(false);
  service.cut();
  await world.pass(1000);
  assert.deepEqual([asked("watch").length, asked("unwatch").length], [3, 1]);
});

test("claiming answers with the conversation, and everybody who listens sees it", async () => {
  const { conversation, told } = await opens(3, "li");
  const object = await conversation.claim();
  assert.equal(object.status, "claimed");
  await settled();
  assert.equal(conversation.view.object?.agent?.user, "li");
  assert.equal(told.filter(({ event }) => event === "conversation").at(-1).value.status, "claimed");
});

test("a conversation that may be seen again says so", async () => {
  const { conversation } = await opens(3);
  service.refuse("history", "forbidden");
  service.cut();
  await world.pass(1_000);
  assert.equal(conversation.view.error?.code, "forbidden");
  service.before = null;
  service.cut();
  await world.pass(1_000);
  assert.equal(conversation.view.error, null);
});

test("after a rotation it has what another device has acknowledged meanwhile", async () => {
  const { conversation } = await opens(3);
  await world.pass(109.5 * 60_000);
  service.lostPushes.add("ming 4");
  service.says(ID, "li", "4");
  service.list("ming").entries = [];
  await world.pass(31_000);
  assert.deepEqual([service.sockets.length, seqs(conversation)], [2, numbers(1, 4)]);
});
