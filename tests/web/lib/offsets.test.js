import assert from "node:assert/strict";
import { test } from "node:test";

import * as offsets from "../../../chalicelib/web/lib/offsets.js";

const live = (/** @type {offsets.Offsets} */ state, /** @type {number[]} */ ...list) =>
  list.reduce((now, offset) => offsets.received(now, offset, false, 1), state);
const replayed = (/** @type {offsets.Offsets} */ state, /** @type {number[]} */ ...list) =>
  list.reduce((now, offset) => offsets.received(now, offset, true, 1), state);
const at = (/** @type {number} */ held) => offsets.complete(offsets.NONE, held);

test("nothing is acknowledged before anything is known", () => {
  assert.equal(offsets.ackable(offsets.NONE), null);
  assert.equal(offsets.ackable(live(offsets.NONE, 7)), null);
});

test("a replay may have gaps, and everything up to each of its entries is held", () => {
  assert.equal(offsets.ackable(replayed(offsets.NONE, 3, 7, 8)), 8);
});

test("live entries out of order are acknowledged only as far as nothing is missing", () => {
  const gap = live(at(4), 6, 7);
  assert.equal(gap.held, 4);
  assert.deepEqual(gap.ahead, [6, 7]);
  assert.equal(live(gap, 5).held, 7);
});

test("what a completed replay did not bring will never come", () => {
  assert.equal(offsets.complete(live(at(4), 6, 9), 7).held, 7);
  assert.equal(offsets.complete(live(at(4), 6, 7), 6).held, 7);
});

test("a repeat changes nothing", () => {
  const state = live(at(4), 5, 7);
  assert.equal(live(state, 5), state);
  assert.equal(live(state, 7), state);
});

test("an ack is due after so many entries, or so long after the first of them", () => {
  const few = live(at(0), 1, 2, 3);
  assert.equal(offsets.dueAt(few, 4, 30_000), 30_001);
  assert.equal(offsets.dueAt(live(few, 4), 4, 30_000), 1);
  assert.equal(offsets.dueAt(offsets.acknowledged(few, 5), 4, 30_000), null);
});

test("nothing is due while what is missing keeps the ack where it is", () => {
  assert.equal(offsets.dueAt(offsets.acknowledged(live(at(4), 5, 7, 8), 5), 1, 1), null);
  const filled = live(offsets.acknowledged(live(at(4), 5, 7, 8), 5), 6);
  assert.equal(offsets.ackable(filled), 8);
  assert.notEqual(offsets.dueAt(filled, 25, 30_000), null);
});

test("a replay of what was acknowledged shows that the ack did not arrive", () => {
  const acknowledged = offsets.acknowledged(live(at(0), 1, 2, 3), 1);
  assert.equal(offsets.ackable(acknowledged), null);
  assert.equal(offsets.ackable(replayed(acknowledged, 2, 3)), 3);
});

test("a connection without a replay begins with nothing to acknowledge", () => {
  const state = offsets.welcomed(offsets.NONE, 12, 0);
  assert.equal(state.held, 12);
  assert.equal(offsets.ackable(state), null);
});
