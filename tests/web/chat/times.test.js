import assert from "node:assert/strict";
import test from "node:test";
import { clock, day, elapsed, exact, moment, sameDay } from "../../../chalicelib/web/chat/times.js";
import { wordsOf } from "../../../chalicelib/web/chat/words.js";
import en from "../../../chalicelib/web/words/en.js";
import zh from "../../../chalicelib/web/words/zh-CN.js";

const english = wordsOf("en", en);
const chinese = wordsOf("zh-CN", zh, en);
const at = (text) => new Date(text).getTime();
const now = at("2026-11-25T15:30:00");

test("a clock counts to twenty-four, midnight being 00", () => {
  assert.equal(clock(at("2026-11-25T14:05:59"), "en"), "14:05");
  assert.equal(clock(at("2026-11-25T00:00:00"), "en"), "00:00");
  assert.equal(clock(at("2026-11-25T09:07:00"), "zh-CN"), "09:07");
});

test("a moment is a clock today, yesterday by name, else a date, with the year where it is another", () => {
  assert.equal(moment(at("2026-11-25T14:05:00"), now, "en", english), "14:05");
  assert.equal(moment(at("2026-11-24T23:59:59"), now, "en", english), "Yesterday 23:59");
  assert.equal(moment(at("2026-11-23T23:59:59"), now, "en", english), "23 Nov");
  assert.equal(moment(at("2025-11-23T23:59:59"), now, "en", english), "23 Nov 2025");
  assert.equal(moment(at("2026-11-24T14:05:00"), now, "zh-CN", chinese), "昨天 14:05");
  assert.equal(moment(at("2026-11-23T14:05:00"), now, "zh-CN", chinese), "11月23日");
});

test("a moment of a clock that runs ahead is still today", () => {
  assert.equal(moment(now + 5000, now, "en", english), "15:30");
  assert.equal(day(now + 86_400_000, now, "en", english), "Today");
});

test("a day has a name, and older ones their date", () => {
  assert.equal(day(now, now, "en", english), "Today");
  assert.equal(day(now - 86_400_000, now, "en", english), "Yesterday");
  assert.equal(day(at("2026-11-23T12:00:00"), now, "en", english), "Mon 23 Nov");
  assert.equal(day(at("2025-11-23T12:00:00"), now, "en", english), "Sun 23 Nov 2025");
  assert.equal(day(at("2026-11-23T12:00:00"), now, "zh-CN", chinese), "11月23日周一");
});

test("a duration is minutes and seconds, and hours where there are some", () => {
  assert.equal(elapsed(112_900), "1:52");
  assert.equal(elapsed(3_723_000), "1:02:03");
  assert.equal(elapsed(0), "0:00");
  assert.equal(elapsed(-5000), "0:00");
});

test("the exact time says the day and the second", () => {
  assert.match(exact(at("2026-11-25T14:05:59"), "en"), /25 November 2026.*14:05:59/);
  assert.match(exact(at("2026-11-25T14:05:59"), "zh-CN"), /2026年11月25日.*14:05:59/);
});

test("two times are on one day by the reader's midnight", () => {
  assert.equal(sameDay(at("2026-11-25T00:00:00"), at("2026-11-25T23:59:59")), true);
  assert.equal(sameDay(at("2026-11-24T23:59:59"), at("2026-11-25T00:00:00")), false);
});
