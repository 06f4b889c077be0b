import assert from "node:assert/strict";
import { test } from "node:test";
import {
  NOTHING_KNOWN, badgeText, canEnd, isClosed, presenceOf, stageOf, unreadOf,
} from "../../../chalicelib/web/widget/stage.js";

const LIVE = { state: "live", reason: null, retryAt: null };
const view = (more) => ({ loaded: true, pending: [], messages: [], object: null, error: null, unread: 0, ...more });
const knowing = (more) => ({ ...NOTHING_KNOWN, status: LIVE, ...more });
const shop = (agents_online) => ({ name: "Tea House", agents_online });
const claimed = view({ object: { status: "claimed", agent: { user: "li", name: "小李" } } });

test("Until something is known, the panel loads", () => {
  assert.equal(stageOf(NOTHING_KNOWN), "loading");
  assert.equal(stageOf(knowing({ view: view({ loaded: false }) })), "loading");
});

test("A page that is refused learns that before anything else", () => {
  assert.equal(stageOf(knowing({ refused: true, view: view() })), "refused");
});

test("Whoever is signed out is asked to sign in, whatever was loaded before", () => {
  const status = { state: "offline", reason: "signed out", retryAt: null };
  assert.equal(stageOf(knowing({ status, view: view() })), "signed out");
});

test("A store that does not exist is said to have no chat", () => {
  assert.equal(stageOf(knowing({ unknown: true, view: view() })), "unknown");
  assert.equal(stageOf(knowing({ view: view({ error: { code: "not_found", message: "" } }) })), "unknown");
});

test("What was loaded stays on the screen while there is no connection", () => {
  const status = { state: "offline", reason: "unreachable", retryAt: 1 };
  assert.equal(stageOf(knowing({ status, unreached: true, view: view() })), "chat");
});

test("Where nothing could be loaded, words say so instead of a skeleton", () => {
  assert.equal(stageOf(knowing({ unreached: true })), "unreached");
  assert.equal(stageOf(knowing({ unreached: true, view: view({ loaded: false }) })), "unreached");
});

test("A message that waits to be sent is shown though nothing is loaded", () => {
  assert.equal(stageOf(knowing({ unreached: true, view: view({ loaded: false, pending: [{}] }) })), "chat");
});

test("Who serves is named; else those who are online are counted", () => {
  assert.deepEqual(presenceOf(knowing({ view: claimed, shop: shop(3) })), { who: "agent", name: "小李" });
  assert.deepEqual(presenceOf(knowing({ view: view(), shop: shop(2) })), { who: "some", n: 2 });
  assert.deepEqual(presenceOf(knowing({ view: view(), shop: shop(0) })), { who: "nobody" });
});

test("Nobody is said to be there, or away, before it is known", () => {
  assert.equal(presenceOf(knowing({ view: view() })), null);
  assert.equal(presenceOf(knowing({ refused: true, shop: shop(2) })), null);
});

test("A closed conversation is at rest until the shopper writes", () => {
  const closed = { status: "closed", agent: null };
  assert.equal(isClosed(knowing({ view: view({ object: closed }) })), true);
  assert.equal(isClosed(knowing({ view: view({ object: closed, pending: [{}] }) })), false);
  assert.equal(isClosed(knowing({ view: claimed })), false);
});

test("Only a conversation that goes on can be ended, and only with a connection", () => {
  assert.equal(canEnd(knowing({ view: claimed })), true);
  assert.equal(canEnd(knowing({ view: view() })), false);
  assert.equal(canEnd(knowing({ view: claimed, status: { ...LIVE, state: "offline" } })), false);
});

test("The badge counts what was not seen, up to what fits", () => {
  assert.equal(unreadOf(knowing({ view: view({ unread: 3 }) })), 3);
  assert.equal(unreadOf(NOTHING_KNOWN), 0);
  assert.equal(badgeText(99), "99");
  assert.equal(badgeText(100), "99+");
});
