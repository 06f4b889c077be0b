import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { indexedOutbox, memoryOutbox } from "../../../chalicelib/web/lib/kefu.js";
import { Service } from "./service.js";
import { joins, jwt, settled, World } from "./world.js";

const ID = "tea-house:ming";
/** @type {World} */
let world;
/** @type {Service} */
let service;

beforeEach(() => {
  world = new World();
  service = new Service(() => world.now);
});

const sends = () => service.frames.filter(({ action }) => action === "send");
const stored = () => (service.messages.get(ID) ?? []).map(({ body }) => body.text);
const pending = (/** @type {any} */ conversation) =>
  conversation.view.pending.map((/** @type {any} */ { text, state }) => `${text} ${state}`);
const shown = (/** @type {any} */ { view }) => [
  ...view.messages.map((/** @type {any} */ { body }) => body.text),
  ...view.pending.map((/** @type {any} */ { text }) => text),
];

/** @param {Record<string, any>} [options] */
async function writes(options) {
  const joined = await joins(world, service, "ming", options);
  const conversation = joined.client.conversation(ID);
  conversation.subscribe(() => {});
  await settled();
  return { ...joined, conversation };
}

test("one message of a conversation is on its way at a time, in the order of writing", async () => {
  const { conversation } = await writes();
  service.mute = true;
  for (const text of ["a", "b", "c"]) conversation.send(text);
  await settled();
  assert.deepEqual(pending(conversation), ["a sending", "b waiting", "c waiting"]);
  assert.equal(sends().length, 1);
  service.mute = false;
  await world.pass(11_000);
  assert.deepEqual([stored(), pending(conversation)], [["a", "b", "c"], []]);
});

test("conversations do not wait for one another", async () => {
  const { client, conversation } = await writes();
  service.mute = true;
  conversation.send("a");
  client.conversation("bookshop:ming").send("b");
  await settled();
  assert.deepEqual(
    sends().map(({ body }) => body.text),
    ["a", "b"],
  );
});

test("it is kept before it is sent", async () => {
  const outbox = memoryOutbox();
  /** @type {(value?: any) => void} */
  let kept = () => {};
  const put = (/** @type {[string, any]} */ ...entry) =>
    outbox.put(...entry).then(() => new Promise((done) => (kept = done)));
  const { conversation } = await writes({ outbox: { ...outbox, put } });
  const sent = conversation.send("a");
  await settled();
  assert.deepEqual([sends().length, pending(conversation)], [0, ["a waiting"]]);
  kept();
  await settled();
  assert.equal(await sent, sends()[0].id);
});

test("an outbox that cannot keep it is reported, and the message is sent all the same", async () => {
  const outbox = { ...memoryOutbox(), put: async () => Promise.reject(new Error("no room")) };
  const { conversation } = await writes({ outbox });
  await conversation.send("a");
  await settled();
  assert.deepEqual([stored(), world.reported.map(String)], [["a"], ["Error: no room"]]);
});

test("whatever happens to the reply, it is stored once and shown once at every moment", async () => {
  const { conversation } = await writes();
  /** @type {number[]} */
  const counts = [];
  conversation.subscribe((/** @type {any} */ view) => counts.push(shown({ view }).length));
  service.mute = true;
  conversation.send("a");
  await settled();
  assert.deepEqual(stored(), ["a"]);
  service.cut();
  service.mute = false;
  await world.pass(2_000);
  assert.deepEqual([stored(), pending(conversation), shown(conversation)], [["a"], [], ["a"]]);
  assert.ok(
    counts.every((count) => count === 1),
    String(counts),
  );
  assert.equal(new Set(sends().map(({ id }) => id)).size, 1);
});

test("a page that is loaded again in the middle of a send sends it once more, under the same id", async () => {
  const outbox = memoryOutbox();
  const first = await writes({ outbox });
  service.mute = true;
  first.conversation.send("a");
  first.conversation.send("b");
  await settled();
  first.client.close();
  service.mute = false;
  const { conversation } = await writes({ outbox });
  await settled();
  assert.deepEqual(
    [stored(), shown(conversation)],
    [
      ["a", "b"],
      ["a", "b"],
    ],
  );
  assert.equal(sends()[0].id, sends()[1].id);
  assert.deepEqual(await outbox.load("wss://kefu.example/ws ming"), []);
});

test("nobody else's outbox is sent", async () => {
  const outbox = memoryOutbox();
  service.refuses = true;
  const ming = await writes({ outbox });
  ming.conversation.send("of ming");
  await settled();
  ming.client.close();
  service.refuses = false;
  await joins(world, service, "bo", { outbox });
  await world.pass(5_000);
  assert.equal(sends().length, 0);
});

test("what is refused for good fails by itself, and later ones go on", async () => {
  const { conversation } = await writes();
  service.refuse("send", "not_claimer", ({ body }) => body.text === "a");
  conversation.send("a");
  conversation.send("b");
  await settled();
  assert.deepEqual([stored(), pending(conversation)], [["b"], ["a failed"]]);
  assert.deepEqual(conversation.view.pending[0].error, { code: "not_claimer", message: "not_claimer" });
});

test("a failed one is still there after a reload, and is sent again under its id, or forgotten", async () => {
  const outbox = memoryOutbox();
  const first = await writes({ outbox });
  service.refuse("send", "forbidden");
  const [a, b] = await Promise.all([first.conversation.send("a"), first.conversation.send("b")]);
  await settled();
  first.client.close();
  service.before = null;
  const { conversation } = await writes({ outbox });
  assert.deepEqual(pending(conversation), ["a failed", "b failed"]);
  await conversation.retry(a);
  assert.equal(await conversation.discard(b), "b");
  assert.equal(await conversation.discard(b), null);
  await settled();
  assert.deepEqual([stored(), pending(conversation)], [["a"], []]);
  assert.equal(sends().at(-1)?.id, a);
  assert.deepEqual(await outbox.load("wss://kefu.example/ws ming"), []);
});

test("what can be tried again is, for as long as it takes", async () => {
  const { conversation } = await writes();
  const codes = ["rate_limited", "unavailable", "internal", "internal", "internal", "internal", "unavailable"];
  service.before = (_, { action, id }) => {
    const code = action === "send" && codes.shift();
    return code && { type: "error", id, code, message: "later", retry: true, details: {} };
  };
  conversation.send("a");
  await world.pass(120_000);
  assert.deepEqual([stored(), codes], [["a"], []]);
});

test("what is written while offline waits, and is sent in order", async () => {
  service.refuses = true;
  const { conversation } = await writes();
  await Promise.all(["a", "b", "c"].map((text) => conversation.send(text)));
  await world.pass(300_000);
  assert.deepEqual(pending(conversation), ["a waiting", "b waiting", "c waiting"]);
  service.refuses = false;
  await world.pass(31_000);
  assert.deepEqual(stored(), ["a", "b", "c"]);
});

test("what is written before anybody is known is shown, and kept as soon as somebody is", async () => {
  const outbox = memoryOutbox();
  let asked = 0;
  const token = async () => (asked++ ? jwt("ming") : Promise.reject(new Error("down")));
  const { conversation } = await writes({ outbox, token });
  const kept = conversation.send("a");
  assert.deepEqual(pending(conversation), ["a waiting"]);
  await world.pass(2_000);
  await kept;
  assert.deepEqual(stored(), ["a"]);
});

test("an empty text, or one that is too long, is refused at once", async () => {
  const { conversation } = await writes();
  await assert.rejects(conversation.send(""), { code: "bad_request" });
  await assert.rejects(conversation.send("茶".repeat(4001)), { code: "too_large" });
  await conversation.send("🍵".repeat(4000));
  await settled();
  assert.equal(stored().length, 1);
});

test("a send that was tried often, and then carried an ack of lost numbers, is not taken for refused", async () => {
  const { conversation } = await writes();
  let tries = 0;
  service.before = (_, { action, id }) => {
    if (action !== "send" || ++tries > 12) return null;
    const [code, details] = tries < 12 ? ["unavailable", {}] : ["bad_request", { field: "ack" }];
    return { type: "error", id, code, message: "later", retry: tries < 12, details };
  };
  conversation.send("a");
  await world.pass(120_000);
  assert.deepEqual([stored(), pending(conversation), tries], [["a"], [], 13]);
});

test("an IndexedDB that never opens holds nothing back", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const outbox = indexedOutbox(/** @type {any} */ ({ open: () => ({}) }));
  const { conversation } = await writes({ outbox });
  conversation.send("a");
  await settled();
  t.mock.timers.tick(5_000);
  await settled();
  assert.deepEqual([stored(), world.reported], [["a"], []]);
});

test("what is still being kept when somebody else signs in is not shown to them, and not sent", async () => {
  let user = "ming";
  let kept = () => {};
  const outbox = { ...memoryOutbox(), put: () => new Promise((/** @type {any} */ resolve) => (kept = resolve)) };
  const { client, conversation, told } = await writes({ outbox, token: async () => jwt(user) });
  conversation.send("of ming");
  await settled();
  user = "bo";
  service.cut();
  await world.pass(2_000);
  kept();
  await world.pass(2_000);
  assert.deepEqual([client.user, shown(conversation), sends()], ["bo", [], []]);
  assert.ok(told.every(({ value }) => value.reason !== "closed"));
});
