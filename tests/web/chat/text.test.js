import assert from "node:assert/strict";
import test from "node:test";
import { isLong, parts } from "../../../chalicelib/web/chat/text.js";

const links = (text) => parts(text).filter((part) => part.href).map((part) => part.text);

test("the parts of any text join to that text again", () => {
  const texts = [
    "", "tea", "see https://a.example/x, or (http://b.example/y).", "https://", "a\nhttps://a.example\nb",
    "<script>1</script>",
  ];
  for (const text of texts) assert.equal(parts(text).map((part) => part.text).join(""), text);
});

test("punctuation behind a link is no part of it", () => {
  assert.deepEqual(links("At https://a.example/x."), ["https://a.example/x"]);
  assert.deepEqual(links("https://a.example/x?y=1&z=2#there, and so on"), ["https://a.example/x?y=1&z=2#there"]);
  assert.deepEqual(links("Really https://a.example/?!"), ["https://a.example/"]);
});

test("a bracket behind a link belongs to it where it was opened within", () => {
  assert.deepEqual(links("(see https://a.example/x)"), ["https://a.example/x"]);
  assert.deepEqual(links("https://a.example/tea_(drink)"), ["https://a.example/tea_(drink)"]);
  assert.deepEqual(links("(https://a.example/tea_(drink))."), ["https://a.example/tea_(drink)"]);
});

test("Chinese punctuation and Chinese characters end a link", () => {
  assert.deepEqual(links("看https://a.example/x，很好"), ["https://a.example/x"]);
  assert.deepEqual(links("（https://a.example/x）。"), ["https://a.example/x"]);
  assert.deepEqual(links("https://a.example/x谢谢"), ["https://a.example/x"]);
  assert.deepEqual(links("“https://a.example/x”"), ["https://a.example/x"]);
});

test("only http and https are links, and only where there is a host", () => {
  const others = ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "mailto:a@b.example", "a.example"];
  for (const text of [...others, "https://", "http://?"]) assert.deepEqual(links(text), []);
  assert.equal(parts("HTTPS://A.example")[0].href, "https://a.example/");
});

test("an address that could pass for another is no link", () => {
  assert.deepEqual(links("https://bank.example@evil.example/"), []);
  assert.deepEqual(links("https://a.example/\u202egpj.exe"), ["https://a.example/"]);
});

test("whatever looks like links all over is taken apart, and put together says the same", () => {
  const brackets = ["(", ")"].map((bracket) => `https://a.example/${bracket.repeat(4000)}`);
  for (const text of ["https://".repeat(500), ...brackets]) {
    assert.equal(parts(text).map((part) => part.text).join(""), text);
  }
});

test("a hundred lines are long, and so is one line of 2,000 characters", () => {
  assert.equal(isLong("a line\n".repeat(100)), true);
  assert.equal(isLong("a".repeat(2000)), true);
  assert.equal(isLong("a line\n".repeat(10)), false);
});
