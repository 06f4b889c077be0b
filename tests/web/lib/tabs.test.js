import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { memoryOutbox } from "../../../chalicelib/web/lib/kefu.js";
import { Seat } from "../../../chalicelib/web/lib/seat.js";
import { Browser } from "./browser.js";
import { Service } from "./service.js";
import { jwt, settled, World } from "./world.js";

const ID = "tea-house:ming";
/** @type {World} */
let world;
/** @type {Service} */
let service;
/** @type {Browser} */
let browser;

beforeEach(() => {
  world = new World();
  service = new Service(() => world.now);
  browser = new Browser(world, service, memoryOutbox());
});

const stored = () => (service.messages.get(ID) ?? []).map(({ body }) => body.text);
const texts = (/** @type {any} */ tab) =>
  tab.client.conversation(ID).view.messages.map((/** @type {any} */ { body }) => body.text);
const pending = (/** @type {any} */ tab) =>
  tab.client.conversation(ID).view.pending.map((/** @type {any} */ { text, state }) => `${text} ${state}`);
const heard = (/** @type {any} */ tab) =>
  tab.told
    .filter((/** @type {any} */ { event }) => event === "message")
    .map((/** @type {any} */ { value }) => value.message.body.text);

/** @param {number} count */
async function opens(count) {
  const tabs = [];
  for (let n = 0; n < count; n++) {
    const tab = await browser.opens("ming");
    tab.client.conversation(ID).subscribe(() => {});
    await settled();
    tabs.push(tab);
  }
  return tabs;
}

test("the tabs of a browser share one connection, and each hears everything once", async () => {
  const tabs = await opens(3);
  service.says(ID, "li", "hello");
  await settled();
  assert.equal(service.sockets.length, 1);
  for (const tab of tabs) {
    assert.equal(tab.client.status.state, "live");
    assert.deepEqual([texts(tab), heard(tab)], [["hello"], ["hello"]]);
  }
});

test("what is written in any tab is sent by the one that leads, in order, and shown in all", async () => {
  const tabs = await opens(3);
  service.mute = true;
  for (const [n, tab] of tabs.entries()) await tab.client.conversation(ID).send(`${n}`);
  await settled();
  for (const tab of tabs) assert.deepEqual(pending(tab), ["0 sending", "1 waiting", "2 waiting"]);
  service.mute = false;
  await world.pass(11_000);
  assert.deepEqual(stored(), ["0", "1", "2"]);
  for (const tab of tabs) assert.deepEqual([texts(tab), pending(tab)], [["0", "1", "2"], []]);
});

test("requests of a tab that follows are answered, and refused, as its own", async () => {
  const [, tab] = await opens(2);
  assert.deepEqual(await tab.client.conversations(), { conversations: [], cursor: null });
  service.refuse("claim", "already_claimed");
  await assert.rejects(tab.client.conversation(ID).claim(), {
    name: "KefuError",
    code: "already_claimed",
    retry: false,
  });
});

test("a tab that joins late knows at once what the others know", async () => {
  const [first] = await opens(1);
  service.says(ID, "ming", "from elsewhere");
  await first.client.conversations();
  service.mute = true;
  first.client.conversation("bookshop:ming").send("not sent yet");
  await settled();
  const late = await browser.opens("ming");
  assert.deepEqual([late.client.status.state, late.client.user, late.client.name], ["live", "ming", "MING"]);
  assert.equal(late.client.conversation(ID).view.object?.last_seq, 1);
  assert.equal(late.client.conversation("bookshop:ming").view.pending.length, 1);
  assert.deepEqual(late.told.filter(({ event }) => event === "resumed").length, 1);
});

for (const how of ["closes", "crashes"]) {
  test(`when the tab that leads ${how}, another one goes on with what was not answered`, async () => {
    const [first, second, third] = await opens(3);
    service.mute = true;
    first.client.conversation(ID).send("of the first");
    second.client.conversation(ID).send("of the second");
    const asked = third.client.conversations();
    await settled();
    service.mute = false;
    if (how === "closes") first.client.close();
    else await browser.crash(first);
    service.says(ID, "li", "meanwhile");
    await world.pass(3_000);
    assert.equal(service.open.length, 1);
    assert.equal((await asked).conversations.length, 1);
    assert.deepEqual(stored().toSorted(), ["meanwhile", "of the first", "of the second"]);
    for (const tab of [second, third]) {
      assert.deepEqual([texts(tab), pending(tab)], [stored(), []]);
      assert.deepEqual(heard(tab), ["meanwhile"]);
    }
  });
}

test("a tab that leads and has stopped loses its seat to one that somebody looks at", async () => {
  const [first, second] = await opens(2);
  first.frozen = true;
  await second.client.conversation(ID).send("is anybody there");
  await world.pass(30_000);
  assert.deepEqual([stored(), second.client.status.state], [["is anybody there"], "live"]);
  first.thaw();
  await world.pass(5_000);
  assert.equal(service.open.length, 1);
  assert.deepEqual([texts(first), first.client.status.state], [["is anybody there"], "live"]);
  await first.client.conversation(ID).send("again");
  await settled();
  assert.deepEqual([texts(first), texts(second)], [stored(), stored()]);
});

test("a failed message can be sent again, or forgotten, in any tab", async () => {
  const [first, second] = await opens(2);
  service.refuse("send", "forbidden");
  const [a, b] = [await first.client.conversation(ID).send("a"), await first.client.conversation(ID).send("b")];
  await settled();
  assert.deepEqual(pending(second), ["a failed", "b failed"]);
  service.before = null;
  await second.client.conversation(ID).retry(a);
  assert.equal(await second.client.conversation(ID).discard(b), "b");
  await settled();
  for (const tab of [first, second]) assert.deepEqual([texts(tab), pending(tab)], [["a"], []]);
});

test("a watch ends when the last tab that wanted it ends it", async () => {
  const [first, second] = await opens(2);
  await first.client.conversation(ID).watch(true);
  await second.client.conversation(ID).watch(true);
  await first.client.conversation(ID).watch(false);
  assert.equal(service.frames.filter(({ action }) => action === "unwatch").length, 0);
  await second.client.conversation(ID).watch(false);
  assert.equal(service.frames.filter(({ action }) => action === "unwatch").length, 1);
});

test("pings go out as often as somebody looks at any of the tabs", async () => {
  const [first, second] = await opens(2);
  const pings = () => service.frames.filter(({ action }) => action === "ping").length;
  await world.pass(240_000);
  assert.equal(pings(), 4);
  await first.shows(false);
  const before = pings();
  await world.pass(240_000);
  assert.ok(Math.abs(pings() - before - 4) <= 1, `${pings() - before} in four minutes`);
  await second.shows(false);
  const hidden = pings();
  await world.pass(480_000);
  assert.ok(pings() - hidden <= 2, `${pings() - hidden} in eight minutes`);
});

test("a tab that somebody looks at keeps a leading one in the background to its time", async () => {
  const [first] = await opens(2);
  service.refuses = true;
  service.cut();
  await settled();
  first.slow = true; // browsers slow the timers of hidden pages down
  service.refuses = false;
  await world.pass(2_000);
  assert.equal(service.open.length, 1);
  assert.equal(first.client.status.state, "live");
});

test("no token ever goes through a channel", async () => {
  const [first, second] = await opens(2);
  await second.client.conversation(ID).send("hello");
  first.client.close();
  await world.pass(2_000);
  assert.ok(browser.said.length > 10);
  assert.ok(!JSON.stringify(browser.said).includes("signature"));
});

test("tabs of two users, and a tab that wants no company, have connections of their own", async () => {
  await opens(2);
  await browser.opens("bo");
  await browser.opens("ming", { shared: false });
  assert.deepEqual(
    service.open.map(({ user }) => user),
    ["ming", "bo", "ming"],
  );
});

test("where nobody is signed in any more, the seat is free for a tab where somebody is", async () => {
  /** @type {string | null} */
  let signedIn = "ming";
  const token = async () => (signedIn ? (await import("./world.js")).jwt(signedIn) : null);
  const first = await browser.opens("ming", { token });
  const second = await browser.opens("ming");
  signedIn = null;
  service.cut();
  await world.pass(3_000);
  assert.equal(first.client.status.reason, "signed out");
  assert.equal(second.client.status.state, "live");
  signedIn = "ming";
  first.client.wake();
  await settled();
  assert.equal(first.client.status.state, "live");
  assert.equal(service.open.length, 1);
});

test("storage that went back while another tab took over is noticed", async () => {
  const [first, second] = await opens(2);
  service.says(ID, "li", "one");
  const then = service.remember();
  service.says(ID, "li", "two");
  await settled();
  service.goBack(then, "e2");
  await browser.crash(first);
  await world.pass(3_000);
  assert.deepEqual(texts(second), ["one"]);
});

test("where the browser refuses locks, each tab is for itself", async () => {
  const locks = { request: () => Promise.reject(new DOMException("sandboxed", "SecurityError")) };
  const tab = await browser.opens("ming");
  const other = await browser.opens("ming");
  assert.equal(service.open.length, 1);
  const { connect } = await import("../../../chalicelib/web/lib/kefu.js");
  const { jwt } = await import("./world.js");
  const alone = connect(
    { url: "wss://kefu.example/ws", token: async () => jwt("bo") },
    { ...world.env, locks, BroadcastChannel, WebSocket: service.WebSocket },
  );
  await settled();
  assert.equal(alone.status.state, "live");
  for (const client of [alone, tab.client, other.client]) client.close();
});

test("what a tab asks for before it knows whose it is, is asked of the tab that leads", async () => {
  await opens(1);
  let signIn = () => {};
  const token = () => new Promise((/** @type {any} */ resolve) => (signIn = () => resolve(jwt("ming"))));
  const { client } = await browser.opens("ming", { token });
  const asked = client.conversations();
  signIn();
  await world.pass(1_000);
  assert.deepEqual(await asked, { conversations: [], cursor: null });
});

test("what was asked for by one user is not done in the name of another", async () => {
  let user = "ming";
  const { client } = await browser.opens("ming", { token: async () => jwt(user) });
  service.refuses = true;
  service.cut();
  await settled();
  const asked = client.conversation("tea-house:wang").claim();
  user = "bo";
  service.refuses = false;
  const refused = assert.rejects(asked, { code: "closed" });
  await world.pass(3_000);
  await refused;
  assert.deepEqual([client.user, service.frames.filter(({ action }) => action === "claim")], ["bo", []]);
});

test("what is still being kept when somebody else signs in is not sent in their name", async () => {
  let user = "ming";
  let kept = () => {};
  const outbox = { ...memoryOutbox(), put: () => new Promise((/** @type {any} */ resolve) => (kept = resolve)) };
  const { client } = await browser.opens("ming", { token: async () => jwt(user), outbox });
  client.conversation(ID).send("of ming");
  await settled();
  user = "bo";
  service.cut();
  await world.pass(2_000);
  kept();
  await world.pass(2_000);
  assert.deepEqual([client.user, stored()], ["bo", []]);
});

test("what a tab had kept, and could tell nobody of, is sent when the next tab opens", async () => {
  await opens(1);
  const { outbox } = browser;
  const put = (/** @type {[string, any]} */ ...entry) => outbox.put(...entry).then(() => new Promise(() => {}));
  const tab = await browser.opens("ming", { outbox: { ...outbox, put } });
  tab.client.conversation(ID).send("and gone");
  await settled();
  await browser.crash(tab);
  await opens(1);
  assert.deepEqual(stored(), ["and gone"]);
});

test("what was discarded while a tab was stopped does not come back with it", async () => {
  const [first, second] = await opens(2);
  service.refuse("send", "forbidden");
  const id = await first.client.conversation(ID).send("a");
  await settled();
  await first.shows(false);
  first.frozen = true;
  await second.client.conversation(ID).typing(true);
  await world.pass(30_000);
  assert.equal(await second.client.conversation(ID).discard(id), "a");
  first.thaw();
  await world.pass(5_000);
  for (const tab of [first, second]) assert.deepEqual(pending(tab), []);
});

test("tabs that are closed leave nothing running, and are not woken", async () => {
  const tabs = await opens(2);
  service.refuses = true;
  service.cut();
  await world.pass(20_000);
  const nobody = await browser.opens("ming", { token: () => Promise.reject(new Error("down")) });
  service.refuses = false;
  for (const { client } of [...tabs, nobody]) {
    client.close();
    client.wake();
  }
  await settled();
  assert.deepEqual([service.open.length, world.timers], [0, 0]);
});

test("a seat that is granted to a tab which has left stays free", async () => {
  let taken = 0;
  /** @type {(() => unknown)[]} */
  const grants = [];
  const locks = /** @type {any} */ ({
    request: (/** @type {[string, any, () => unknown]} */ ...[, , sit]) => new Promise(() => grants.push(sit)),
  });
  const seat = new Seat(locks, "seat", { taken: () => taken++, lost: () => {} });
  seat.wait();
  seat.steal();
  seat.leave();
  for (const grant of grants) assert.equal(grant(), undefined);
  assert.equal(taken, 0);
});

test("a clock that was set back says the same in a tab that was opened afterwards", async () => {
  let back = 0;
  world.env.now = () => world.now - back;
  await opens(1);
  await world.pass(30_000);
  back = 3_600_000;
  await world.pass(31_000);
  const late = await browser.opens("ming");
  assert.equal(late.client.now(), world.now);
});
