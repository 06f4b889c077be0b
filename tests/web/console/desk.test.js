/** What may be done, what keys mean, who waits too long, visits, drafts, settings: the small pure parts. */

import assert from "node:assert/strict";
import test from "node:test";

import { allowed } from "../../../chalicelib/web/console/deeds.js";
import { drafted } from "../../../chalicelib/web/console/drafts.js";
import { fault as faultOfThresholds, read } from "../../../chalicelib/web/console/preferences.js";
import { claims, fault } from "../../../chalicelib/web/console/session.js";
import { command } from "../../../chalicelib/web/console/shortcuts.js";
import { scrolledTo, visible } from "../../../chalicelib/web/console/viewport.js";
import { visitBefore, visits } from "../../../chalicelib/web/console/visits.js";
import { level, newlyLate, waited } from "../../../chalicelib/web/console/waits.js";
import english from "../../../chalicelib/web/words/en.js";
import chinese from "../../../chalicelib/web/words/zh-CN.js";

const conversation = (status, agent = null) => ({
  status,
  agent: agent && { user: agent, name: agent },
  customer: { user: "ming", name: "Ming" },
});
const may = (object, user, role = "agent") => [...allowed(object, user, role)].sort();

test("who waits can be claimed by anybody, and by a supervisor also closed and handed on", () => {
  assert.deepEqual(may(conversation("waiting"), "li"), ["claim"]);
  assert.deepEqual(may(conversation("waiting"), "wang", "supervisor"), ["claim", "close", "transfer"]);
});

test("who serves writes, hands on, gives back and closes", () => {
  assert.deepEqual(may(conversation("claimed", "li"), "li"), ["close", "release", "transfer", "write"]);
});

test("what another serves an agent can watch, and a supervisor can have it", () => {
  assert.deepEqual(may(conversation("claimed", "li"), "bo"), ["watch"]);
  assert.deepEqual(may(conversation("claimed", "li"), "wang", "supervisor"), [
    "close",
    "release",
    "takeOver",
    "transfer",
    "watch",
  ]);
});

test("in their own conversation agents can do nothing", () => {
  assert.deepEqual(may(conversation("waiting"), "ming", "supervisor"), []);
  assert.deepEqual(may(null, "li"), []);
});

const key = (name, more = {}) => ({
  key: name,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  isComposing: false,
  keyCode: 0,
  ...more,
});

test("keys are commands, but not those that somebody types", () => {
  assert.deepEqual(command(key("c"), "elsewhere"), ["claim"]);
  assert.equal(command(key("c"), "field"), null);
  assert.deepEqual(command(key("Escape"), "field"), ["back"]);
});

test("no key of an input method is a command, nor one of the browser", () => {
  assert.equal(command(key("j", { isComposing: true }), "elsewhere"), null);
  assert.equal(command(key("Escape", { keyCode: 229 }), "field"), null);
  assert.equal(command(key("r", { ctrlKey: true }), "elsewhere"), null);
  assert.equal(command(key("c", { metaKey: true }), "list"), null);
});

test("Alt and a digit go to an open conversation, also while one writes and where Alt makes a sign", () => {
  assert.deepEqual(command(key("2", { altKey: true, code: "Digit2" }), "field"), ["nth", 2]);
  assert.deepEqual(command(key("™", { altKey: true, code: "Digit2" }), "elsewhere"), ["nth", 2]);
  assert.equal(command(key("c", { altKey: true, code: "KeyC" }), "elsewhere"), null);
});

test("arrows move in the list, and elsewhere do what they always do", () => {
  assert.deepEqual(command(key("ArrowDown"), "list"), ["move", 1]);
  assert.equal(command(key("ArrowDown"), "elsewhere"), null);
  assert.equal(command(key("toString"), "elsewhere"), null);
});

test("a key that is held goes on moving in the list, and does nothing else twice", () => {
  assert.deepEqual(command(key("j", { repeat: true }), "list"), ["move", 1]);
  for (const each of ["x", "w", "e", "c"]) assert.equal(command(key(each, { repeat: true }), "elsewhere"), null);
});

const waiting = (customer, since) => ({ conversation: `tea:${customer}`, status: "waiting", waiting_since: since });
const thresholds = { long_s: 100, late_s: 180 };

test("a wait is long from the first threshold on, and too long from the second", () => {
  assert.equal(level(99_999, thresholds), "calm");
  assert.equal(level(100_000, thresholds), "long");
  assert.equal(level(180_000, thresholds), "late");
  assert.equal(level(waited({ status: "claimed", waiting_since: null }, 5), thresholds), "calm");
  assert.equal(waited(waiting("ming", 500), 200), 0, "a clock that goes wrong makes no negative wait");
});

test("each wait that is too long is told once, and a new wait again", () => {
  const first = newlyLate([waiting("ming", 0), waiting("bo", 100_000)], 200_000, thresholds, new Set());
  assert.deepEqual(
    first.late.map((each) => each.conversation),
    ["tea:ming"],
  );
  assert.deepEqual(newlyLate([waiting("ming", 0)], 201_000, thresholds, first.told).late, []);
  const again = newlyLate([waiting("ming", 300_000)], 500_000, thresholds, first.told);
  assert.equal(again.late.length, 1);
});

const said = (...numbers) => numbers.map((visit, index) => ({ seq: index + 11, at: index, visit }));

test("visits begin where the number grows, and an old message has none", () => {
  assert.deepEqual(
    visits([{ seq: 1, at: 0 }, ...said(2, 2, 3)]).map((each) => each.visit),
    [1, 2, 3],
  );
});

test("the previous visit is where it begins, not where it was loaded from", () => {
  assert.equal(visitBefore(said(2, 2, 3), true, 3), null, "its beginning may not be loaded");
  assert.equal(visitBefore(said(2, 2, 3), false, 3).seq, 11);
  assert.equal(visitBefore(said(1, 2, 3), true, 3).seq, 12);
  assert.equal(visitBefore(said(3, 3), true, 3), null);
  assert.equal(visitBefore(said(1, 1), false, 1), undefined);
});

test("of a long list only what is seen is drawn, with a little to spare", () => {
  assert.deepEqual(visible({ top: 64_000, height: 640, row: 64, count: 5000, spare: 2 }), { from: 998, to: 1012 });
  assert.deepEqual(visible({ top: 0, height: 640, row: 64, count: 3 }), { from: 0, to: 3 });
  assert.deepEqual(visible({ top: 9000, height: 640, row: 64, count: 3 }), { from: 3, to: 3 });
});

test("a row comes into sight with as little scrolling as will do", () => {
  const list = { top: 640, height: 640, row: 64 };
  assert.equal(scrolledTo(list, 12), 640);
  assert.equal(scrolledTo(list, 9), 576);
  assert.equal(scrolledTo(list, 20), 704);
});

test("an emptied draft is forgotten, and so is what is a month old", () => {
  const kept = { "tea:bo": { text: "old", at: 0 }, "tea:ming": { text: "hel", at: 9e9 } };
  assert.deepEqual(Object.keys(drafted(kept, "tea:chen", "你好", 9e9)).sort(), ["tea:chen", "tea:ming"]);
  assert.deepEqual(drafted(kept, "tea:ming", "", 9e9), {});
});

test("settings that do not fit are the default, one by one", () => {
  assert.equal(read("{").late_s, 180);
  assert.equal(read('{"long_s":300,"late_s":200,"sound":true}').long_s, 100);
  assert.equal(read('{"long_s":300,"late_s":200,"sound":true}').sound, true);
  assert.equal(read('{"long_s":30,"late_s":60}').late_s, 60);
  assert.equal(faultOfThresholds(100, 100), "order");
  assert.equal(faultOfThresholds(0.5, 100), "range");
});

const token = (said) => `e30.${Buffer.from(JSON.stringify(said)).toString("base64url")}.x`;

test("a token says who and until when, whatever the alphabet of the name", () => {
  assert.equal(claims(token({ sub: "chen", name: "陈静", exp: 1 })).name, "陈静");
  assert.equal(fault(token({ sub: "li", exp: 2 }), 1000), null);
  assert.equal(fault(token({ sub: "li", exp: 1 }), 1000), "expired");
  for (const wrong of ["", "abc", "a.b.c", token({ sub: 1, exp: 1 }), token(null)])
    assert.equal(fault(wrong), "malformed");
});

test("both languages say the same things", () => {
  const keys = (table, path = "") =>
    Object.entries(table).flatMap(([name, value]) =>
      typeof value === "string" || value.other ? [path + name] : keys(value, `${path}${name}.`),
    );
  assert.deepEqual(keys(chinese.console).sort(), keys(english.console).sort());
});
