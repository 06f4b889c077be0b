import assert from "node:assert/strict";
import test from "node:test";
import { length, sendable } from "../../../chalicelib/web/chat/composer.js";

test("a message is counted in code points", () => {
  assert.equal(length("茶🍵"), 2);
  assert.equal(length("👍🏽"), 2);
});

test("what is sent has no blanks behind it, and keeps those before and within", () => {
  assert.equal(sendable("  a\n\n b \n\n"), "  a\n\n b");
  assert.equal(sendable(" \n\t　"), "");
});

test("half of a character is none, and is sent as the sign for that", () => {
  assert.equal(sendable("a\ud83c 🍵"), "a\ufffd 🍵");
});
