import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Service, SILENCE } from "./service.js";
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

const acks = () => service.frames.flatMap(({ ack }) => (ack ? [ack] : []));
/** @param {number} count */
async function says(count) {
  for (let n = 0; n < count; n++) {
    service.says(ID, "li", `${n}`);
    await settled();
  }
}

test("with nothing to say, nothing is sent", async () => {
  await joins(world, service, "ming");
  await world.pass(59_000);
  assert.deepEqual(service.frames, []);
});

test("an ack that finds no frame to ride on goes by itself after 25 entries", async () => {
  await joins(world, service, "ming");
  await says(24);
  assert.deepEqual(service.frames, []);
  await says(1);
  assert.deepEqual(acks(), [25]);
  await says(75);
  assert.deepEqual(acks(), [25, 50, 75, 100]);
  assert.equal(service.frames.length, 4);
});

test("or with the ping of each minute", async () => {
  await joins(world, service, "ming");
  await says(3);
  await world.pass(59_000);
  assert.deepEqual(service.frames, []);
  await world.pass(2_000);
  assert.deepEqual(acks(), [3]);
  await world.pass(26_000);
  assert.equal(service.frames.length, 1);
});

test("it rides on whatever is sent", async () => {
  const { client } = await joins(world, service, "ming");
  await says(3);
  await client.conversation(ID).send("hello");
  await settled();
  assert.deepEqual(acks(), [3]);
  await world.pass(40_000);
  assert.equal(service.frames.length, 1);
  assert.deepEqual(service.list("ming").entries, []);
});

test("a long replay costs a few frames", async () => {
  for (let n = 0; n < 1000; n++) service.says(ID, "li", `${n}`);
  const { heard } = await joins(world, service, "ming");
  await world.pass(66_000);
  assert.equal(heard().length, 1000);
  assert.ok(service.frames.length <= 6, `${service.frames.length} frames`);
  assert.deepEqual(service.list("ming").entries, []);
});

test("nothing is acknowledged past what has not come", async () => {
  const { heard } = await joins(world, service, "ming");
  service.lostPushes.add("ming 2");
  await says(30);
  assert.ok(acks().every((ack) => ack < 2));
  await world.pass(2_500);
  assert.equal(heard().length, 30);
  assert.equal(service.frames.filter(({ action }) => action === "sync").length, 1);
  await world.pass(66_000);
  assert.deepEqual(service.list("ming").entries, []);
});

test("an entry that left the list is not waited for", async () => {
  const { heard } = await joins(world, service, "ming");
  service.lostPushes.add("ming 1");
  service.says(ID, "li", "of a store that this agent has left");
  service.list("ming").entries = [];
  await says(2);
  await world.pass(66_000);
  assert.deepEqual(heard().slice(-2), ["0", "1"]);
  assert.equal(acks().at(-1), 3);
});

test("an ack that was lost with its socket is said again after the replay", async () => {
  const { heard } = await joins(world, service, "ming");
  await says(24);
  service.cut(); // and the ack of 25 goes nowhere
  await says(1);
  await world.pass(1_000);
  assert.deepEqual(acks(), [25]);
  assert.equal(heard().length, 25);
});

test("entries are not acknowledged before they are in the state", async () => {
  const { client } = await joins(world, service, "ming");
  const conversation = client.conversation(ID);
  /** @type {number[]} */
  const shownAtAck = [];
  service.before = (_, { ack }) => void (ack && shownAtAck.push(conversation.view.messages.length));
  await says(25);
  assert.deepEqual(shownAtAck, [25]);
});

test("a replay that stops twice is not taken for complete, and what it did not bring is not acknowledged", async () => {
  await says(10);
  let replays = 0;
  service.WebSocket = class extends service.WebSocket {
    replays() {
      const until = [4, 6, 10][replays++];
      const { entries } = this.service.list(this.user);
      for (const { offset, message } of entries.filter((each) => each.offset <= until)) {
        this.receives({ type: "message", offset, replay: true, ...message });
      }
    }
  };
  service.before = (_, { action }) => (action === "sync" && replays < 3 ? (_.replays(), SILENCE) : null);
  const { client, heard } = await joins(world, service, "ming");
  await world.pass(10_100);
  client.request("store", { store: "tea-house" });
  await settled();
  service.cut();
  await world.pass(5_000);
  assert.equal(heard().length, 10);
});

test("a sync that was asked for before storage went back completes nothing of the new history", async () => {
  const { heard } = await joins(world, service, "ming");
  await says(3);
  await world.pass(66_000);
  const then = service.remember();
  service.lostPushes.add("ming 6");
  await says(4);
  let silent = true;
  service.before = (_, { action }) => (silent && action === "sync" ? SILENCE : null);
  await world.pass(3_000);
  service.goBack(then, "e2");
  await world.pass(27_000);
  silent = false;
  await world.pass(10_000);
  service.lostPushes.add("ming 6");
  for (let n = 4; n <= 8; n++) service.says(ID, "li", `new ${n}`);
  await world.pass(62_000);
  assert.deepEqual(heard().slice(-5).toSorted(), ["new 4", "new 5", "new 6", "new 7", "new 8"]);
});
