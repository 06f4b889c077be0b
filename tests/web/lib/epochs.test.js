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

const texts = (/** @type {any} */ conversation) =>
  conversation.view.messages.map((/** @type {any} */ { body }) => body.text);
const stored = () => (service.messages.get(ID) ?? []).map(({ body }) => body.text);
const asked = (/** @type {string} */ action) => service.frames.filter((frame) => frame.action === action);

async function opens(user = "ming") {
  const joined = await joins(world, service, user);
  const conversation = joined.client.conversation(ID);
  conversation.subscribe(() => {});
  await settled();
  return { ...joined, conversation };
}

/** Ming has two messages of li, then writes one, then li writes another; `then` is storage before these. */
async function loses() {
  service.says(ID, "li", "one");
  service.says(ID, "li", "two");
  const joined = await opens();
  const then = service.remember();
  await joined.conversation.send("mine");
  service.says(ID, "li", "four");
  await world.pass(31_000);
  assert.deepEqual(texts(joined.conversation), ["one", "two", "mine", "four"]);
  return { ...joined, then };
}

test("an unharmed restart shows nothing, costs one look, and loses nothing", async () => {
  const { conversation, heard } = await loses();
  service.epoch = "e2";
  for (const object of service.objects.values()) object.epoch = "e2";
  service.cut();
  service.frames = [];
  await world.pass(1_000);
  service.says(ID, "li", "five");
  await world.pass(1_000);
  assert.deepEqual(texts(conversation), stored());
  assert.deepEqual(conversation.view.pending, []);
  assert.deepEqual(heard(), ["one", "two", "four", "five"]);
  assert.equal(asked("history").length, 1);
});

test("what storage has lost is shown no longer, and what was one's own may be sent again", async () => {
  const { conversation, then } = await loses();
  service.cut();
  service.goBack(then, "e2");
  await world.pass(1_000);
  assert.deepEqual(texts(conversation), ["one", "two"]);
  const [lost] = conversation.view.pending;
  assert.deepEqual([lost.text, lost.state, lost.error?.code], ["mine", "failed", "lost"]);
  await conversation.retry(lost.id);
  await settled();
  assert.deepEqual(
    [texts(conversation), stored()],
    [
      ["one", "two", "mine"],
      ["one", "two", "mine"],
    ],
  );
  assert.deepEqual(conversation.view.pending, []);
});

test("a message that has a lost one's number is shown, and told, as the new one it is", async () => {
  const { conversation, heard, then } = await loses();
  service.cut();
  service.goBack(then, "e2");
  service.says(ID, "li", "another three");
  await world.pass(1_000);
  service.says(ID, "li", "another four");
  await world.pass(1_000);
  assert.deepEqual(texts(conversation), ["one", "two", "another three", "another four"]);
  assert.deepEqual(heard(), ["one", "two", "four", "another three", "another four"]);
});

test("a connection that lives on finds out by its next ping", async () => {
  const { conversation, heard, then } = await loses();
  service.goBack(then, "e2");
  service.lostPushes.add("ming 3");
  service.says(ID, "li", "another three");
  await world.pass(65_000);
  assert.deepEqual(texts(conversation), ["one", "two", "another three"]);
  assert.deepEqual(heard().at(-1), "another three");
  assert.equal(asked("sync").length, 1);
});

test("or by the first message that comes", async () => {
  const { conversation, then } = await loses();
  service.goBack(then, "e2");
  service.says(ID, "li", "another three");
  await world.pass(500);
  assert.deepEqual(texts(conversation), ["one", "two", "another three"]);
});

test("what is held of the list is forgotten, so that no ack speaks of numbers that were lost", async () => {
  const { conversation, then } = await loses();
  service.goBack(then, "e2");
  service.list("ming").newest = 0;
  service.list("ming").entries = [];
  await world.pass(65_000);
  for (let n = 0; n < 3; n++) service.says(ID, "li", `new ${n}`);
  await world.pass(65_000);
  assert.deepEqual(texts(conversation).slice(-3), ["new 0", "new 1", "new 2"]);
  assert.deepEqual(service.list("ming").entries, []);
});

test("a send that carried an ack of lost numbers is not taken for refused", async () => {
  const { conversation, then } = await loses();
  service.says(ID, "li", "five, held and not yet acknowledged");
  await settled();
  service.goBack(then, "e2");
  service.list("ming").newest = 0;
  service.list("ming").entries = [];
  await conversation.send("after it");
  await world.pass(5_000);
  assert.ok(stored().includes("after it"));
  assert.deepEqual(
    conversation.view.pending.filter(({ error }) => error?.code !== "lost"),
    [],
  );
});

test("a conversation that is not open is loaded anew by whoever opens it", async () => {
  service.says(ID, "li", "one");
  const then = service.remember();
  service.says(ID, "li", "two");
  const { client, heard } = await joins(world, service, "ming");
  service.cut();
  service.goBack(then, "e2");
  service.says(ID, "li", "another two");
  await world.pass(1_000);
  assert.deepEqual(heard(), ["one", "two", "another two"]);
  const conversation = client.conversation(ID);
  conversation.subscribe(() => {});
  await world.pass(1_000);
  assert.deepEqual(texts(conversation), ["one", "another two"]);
});

test("lists are to be loaded again when storage has gone back", async () => {
  const { told, then } = await loses();
  const resumed = () => told.filter(({ event }) => event === "resumed").length;
  const before = resumed();
  service.goBack(then, "e2");
  await world.pass(65_000);
  assert.equal(resumed(), before + 1);
});

test("storage that goes back twice while it is compared is compared again", async () => {
  for (let n = 0; n < 120; n++) service.says(ID, "li", `${n}`);
  const { conversation } = await opens();
  await conversation.older();
  const then = service.remember();
  for (let n = 0; n < 60; n++) service.says(ID, "li", `lost ${n}`);
  await world.pass(1_000);
  service.cut();
  service.goBack(then, "e2");
  for (let n = 0; n < 80; n++) service.says(ID, "li", `new ${n}`);
  let looks = 0;
  service.before = (_, { action }) => {
    if (action === "history" && ++looks === 1) setImmediate(() => (service.goBack(then, "e3"), service.cut()));
  };
  await world.pass(5_000);
  assert.deepEqual(texts(conversation).slice(-1), ["119"]);
  assert.deepEqual(texts(conversation), stored().slice(-texts(conversation).length));
});

test("in a conversation that is not open, too, a message with a lost one's number is told", async () => {
  const { heard } = await joins(world, service, "ming");
  service.says(ID, "li", "one");
  await world.pass(31_000);
  const then = service.remember();
  service.says(ID, "li", "two");
  await settled();
  service.cut();
  service.goBack(then, "e2");
  await world.pass(1_000);
  service.says(ID, "li", "another two");
  await settled();
  assert.deepEqual(heard(), ["one", "two", "another two"]);
});
