import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { connect } from "../../../chalicelib/web/lib/kefu.js";
import { Service, SILENCE } from "./service.js";
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

const texts = (/** @type {any} */ conversation) =>
  conversation.view.messages.map((/** @type {any} */ each) => each.body.text);

test("a client connects, is told who it is, and resumes", async () => {
  const { client, states, told } = await joins(world, service, "ming");
  assert.deepEqual(service.sockets[0].protocols, ["kefu.v1", `bearer.${jwt("ming")}`]);
  assert.equal(service.sockets[0].url, "wss://kefu.example/ws");
  assert.deepEqual(states().slice(-1), ["live"]);
  assert.deepEqual([client.user, client.name], ["ming", "MING"]);
  assert.deepEqual(
    told.filter(({ event }) => event === "resumed").map(({ value }) => value),
    [{ user: "ming" }],
  );
});

test("what was replayed is not fresh, what comes live is", async () => {
  service.says(ID, "li", "while you were away");
  const { told } = await joins(world, service, "ming");
  service.says(ID, "li", "and now");
  await settled();
  const messages = told
    .filter(({ event }) => event === "message")
    .map(({ value }) => [value.message.body.text, value.fresh]);
  assert.deepEqual(messages, [
    ["while you were away", false],
    ["and now", true],
  ]);
});

test("after a cut it connects again, and every message is told once", async () => {
  const { client, heard } = await joins(world, service, "ming");
  service.says(ID, "li", "one");
  await settled();
  service.cut();
  await settled();
  assert.equal(client.status.state, "offline");
  service.says(ID, "li", "two");
  await world.pass(1000);
  assert.equal(client.status.state, "live");
  assert.deepEqual(heard(), ["one", "two"]);
});

test("a token callback that throws, or hangs, is an attempt that failed", async () => {
  const answers = [() => Promise.reject(new Error("down")), () => new Promise(() => {}), async () => jwt("ming")];
  let asked = 0;
  const { client, states } = await joins(world, service, "ming", { token: () => answers[asked++]() });
  assert.equal(client.status.reason, "unreachable");
  assert.equal(client.status.retryAt, world.now + 500);
  await world.pass(12_000);
  assert.deepEqual([asked, client.status.state], [3, "live"]);
  assert.equal(states().filter((state) => state === "offline").length, 2);
});

test("signed out, it waits to be woken", async () => {
  /** @type {string | null} */
  let token = null;
  const { client } = await joins(world, service, "ming", { token: async () => token });
  assert.equal(client.status.reason, "signed out");
  await world.pass(600_000);
  assert.equal(service.sockets.length, 0);
  token = jwt("ming");
  client.wake();
  await settled();
  assert.equal(client.status.state, "live");
});

test("when somebody else has signed in, nothing of the one before is shown", async () => {
  let user = "ming";
  const { client } = await joins(world, service, "ming", { token: async () => jwt(user) });
  const conversation = client.conversation(ID);
  conversation.subscribe(() => {});
  service.says(ID, "li", "for ming only");
  await settled();
  assert.deepEqual(texts(conversation), ["for ming only"]);
  user = "bo";
  service.cut();
  await world.pass(1000);
  assert.equal(client.user, "bo");
  assert.equal(conversation.view.side, "store");
});

test("it moves to another socket before the platform hangs up, without a gap", async () => {
  const { client, heard, states } = await joins(world, service, "ming");
  const before = states().length;
  await world.pass(110 * 60_000 + 100);
  assert.equal(service.sockets.length, 2);
  assert.equal(service.open.length, 2);
  service.says(ID, "li", "on both");
  await settled();
  assert.deepEqual(heard(), ["on both"]);
  await world.pass(6_000);
  assert.deepEqual([service.sockets[0].readyState, service.sockets[1].readyState], [3, 1]);
  service.says(ID, "li", "on the other");
  await settled();
  assert.deepEqual(heard(), ["on both", "on the other"]);
  assert.equal(states().length, before);
  assert.equal(client.status.state, "live");
});

test("it moves before its token expires, too", async () => {
  const token = async () => jwt("ming", world.now + 600_000);
  await joins(world, service, "ming", { token });
  await world.pass(541_000);
  assert.equal(service.sockets.length, 2);
});

test("a socket that does not answer pings is dead", async () => {
  const { client } = await joins(world, service, "ming");
  service.before = () => SILENCE;
  await world.pass(69_900);
  assert.equal(client.status.state, "live");
  await world.pass(100);
  assert.equal(client.status.state, "offline");
});

test("when a laptop wakes up, a socket that died meanwhile is found out within seconds", async () => {
  const { client } = await joins(world, service, "ming");
  await world.pass(5_000);
  service.before = () => SILENCE;
  world.sleep(3_600_000);
  await world.pass(5_000);
  assert.equal(service.sockets[0].readyState, 3);
  assert.notEqual(client.status.state, "live");
});

test("offline and online events are heeded at once", async () => {
  const { client } = await joins(world, service, "ming");
  await world.network(false);
  assert.deepEqual([client.status.state, client.status.reason], ["offline", "no network"]);
  await world.network(true);
  assert.equal(client.status.state, "live");
});

test("a page in the background pings seldom", async () => {
  await joins(world, service, "ming");
  const pings = () => service.frames.filter(({ action }) => action === "ping").length;
  await world.pass(480_000);
  assert.equal(pings(), 8);
  await world.visible(false);
  await world.pass(480_000);
  assert.equal(pings(), 9);
});

test("a listener that throws is reported, and the others hear all the same", async () => {
  const { client, heard } = await joins(world, service, "ming");
  client.on("message", () => {
    throw new Error("a page's own fault");
  });
  client.conversation(ID).subscribe(() => {
    throw new Error("another");
  });
  service.says(ID, "li", "hello");
  await settled();
  assert.ok(world.reported.length >= 2);
  assert.ok(!String(world.reported).includes("hello"));
  assert.deepEqual(heard(), ["hello"]);
});

test("requests wait for a connection, and are refused as offline when none comes", async () => {
  service.refuses = true;
  const { client } = await joins(world, service, "ming");
  const asked = client.conversations().catch((error) => error.code);
  await world.pass(31_000);
  assert.equal(await asked, "offline");
});

test("what went down with a socket is asked again, on the next one", async () => {
  const { client } = await joins(world, service, "ming");
  service.mute = true;
  const asked = client.conversations();
  await settled();
  service.cut();
  service.mute = false;
  await world.pass(1000);
  assert.deepEqual(await asked, { conversations: [], cursor: null });
});

test("an answer that never came is asked for again", async () => {
  const { client } = await joins(world, service, "ming");
  service.mute = true;
  const asked = client.request("store", { store: "tea-house" });
  await settled();
  service.mute = false;
  await world.pass(10_000);
  assert.deepEqual(await asked, {});
});

test("rate_limited holds everything back for as long as it says, and unavailable is tried again", async () => {
  const { client } = await joins(world, service, "ming");
  const refusals = [
    { code: "rate_limited", retry: true, details: { retry_after_ms: 3000 } },
    { code: "unavailable", retry: true, details: {} },
  ];
  service.before = (_, frame) => {
    const refusal = frame.action === "store" && refusals.shift();
    return refusal && { type: "error", id: frame.id, message: "later", ...refusal };
  };
  const first = client.request("store", { store: "a" });
  await settled();
  const second = client.request("store", { store: "b" });
  const asked = () =>
    service.frames
      .filter(({ action }) => action === "store")
      .map(({ store }) => store)
      .join("");
  await world.pass(2_900);
  assert.equal(asked(), "a");
  await world.pass(4_000);
  await Promise.all([first, second]);
  assert.equal(asked(), "aaba");
});

test("a refusal that stays one rejects after half a minute", async () => {
  const { client } = await joins(world, service, "ming");
  service.before = (_, { action, id }) =>
    action === "store" && { type: "error", id, code: "unavailable", message: "down", retry: true, details: {} };
  const asked = client.request("store", { store: "a" }).catch((error) => error.code);
  await world.pass(31_000);
  assert.equal(await asked, "unavailable");
});

test("requests keep below what the service allows a user", async () => {
  const { client } = await joins(world, service, "ming");
  const all = Array.from({ length: 100 }, () => client.request("store", { store: "a" }));
  await settled();
  const asked = () => service.frames.filter(({ action }) => action === "store").length;
  assert.ok(asked() <= 30, `${asked()} at once`);
  await world.pass(2_000);
  assert.ok(asked() <= 51, `${asked()} after two seconds`);
  await world.pass(6_000);
  await Promise.all(all);
});

test("closed, it rejects what was asked, and leaves nothing running", async () => {
  const { client } = await joins(world, service, "ming");
  client.conversation(ID).subscribe(() => {});
  client.conversation(ID).typing(true);
  service.mute = true;
  const asked = client.conversations().catch((error) => error.code);
  client.close();
  assert.equal(await asked, "closed");
  assert.equal(await client.conversations().catch((error) => error.code), "closed");
  assert.equal(client.status.reason, "closed");
  assert.equal(world.timers, 0);
  assert.equal(service.open.length, 0);
});

test("a page without a WebSocket, or with an address that is none, is told by the status", async () => {
  const client = connect(
    { url: "wss://kefu.example/ws", token: async () => jwt("ming") },
    { ...world.env, WebSocket: undefined },
  );
  await settled();
  assert.equal(client.status.reason, "unreachable");
  client.close();
});

test("a clock that is set back by an hour holds nothing back, and makes no socket a dead one", async () => {
  let back = 0;
  const env = { now: () => world.now - back };
  const { client, states } = await joins(world, service, "ming", { env });
  await client.request("store", { store: "tea-house" });
  await world.pass(65_000);
  const before = states().length;
  back = 3_600_000;
  const asked = client.request("store", { store: "tea-house" });
  await client.conversation(ID).send("hello");
  await world.pass(300_000);
  assert.deepEqual([await asked, service.messages.get(ID)?.length, states().length], [{}, 1, before]);
});

test("where the browser refuses channels, each tab is for itself", async () => {
  const BroadcastChannel = class {
    constructor() {
      throw new DOMException("no storage here", "SecurityError");
    }
  };
  const locks = { request: () => Promise.reject(new DOMException("no storage here", "SecurityError")) };
  const { client } = await joins(world, service, "ming", { env: { locks, BroadcastChannel } });
  assert.equal(client.status.state, "live");
});
