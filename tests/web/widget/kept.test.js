import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { draftOf, openMark, soundChoice } from "../../../chalicelib/web/widget/kept.js";

function storage() {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, text) => { items.set(key, text); },
    removeItem: (key) => { items.delete(key); },
  };
}

const put = (name, value) => Object.defineProperty(globalThis, name, { configurable: true, ...value });

beforeEach(() => {
  put("localStorage", { value: storage() });
  put("sessionStorage", { value: storage() });
});

test("A draft belongs to one user in one store", () => {
  draftOf("tea-house", "ming").save("Is the jar");
  assert.equal(draftOf("tea-house", "ming").load(), "Is the jar");
  assert.equal(draftOf("tea-house", "chen").load(), "");
  assert.equal(draftOf("bookshop", "ming").load(), "");
});

test("Nothing is left of a draft that was sent", () => {
  const draft = draftOf("tea-house", "ming");
  draft.save("Is the jar");
  draft.save("");
  assert.equal(draft.load(), "");
  assert.equal(localStorage.items.size, 0);
});

test("Where the page forbids storage, a draft lives as long as the page", () => {
  const forbidden = { get() { throw new DOMException("no", "SecurityError"); } };
  put("localStorage", forbidden);
  const draft = draftOf("bookshop", "chen");
  draft.save("Is the jar");
  assert.equal(draft.load(), "Is the jar");
});

test("There is no sound until it was allowed", () => {
  assert.equal(soundChoice.load(), false);
  soundChoice.save(true);
  assert.equal(soundChoice.load(), true);
  soundChoice.save(false);
  assert.equal(soundChoice.load(), false);
});

test("The panel stands open again in this tab only", () => {
  openMark("tea-house").save(true);
  assert.equal(openMark("tea-house").load(), true);
  assert.equal(openMark("bookshop").load(), false);
  assert.equal(localStorage.items.size, 0);
  openMark("tea-house").save(false);
  assert.equal(openMark("tea-house").load(), false);
});

test("Where storage is full, a draft is what was written last, and another tab's once there is room", () => {
  const draft = draftOf("tea-house", "bo");
  draft.save("Is the");
  const { setItem } = localStorage;
  localStorage.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
  draft.save("Is the jar");
  assert.equal(draft.load(), "Is the jar");
  localStorage.setItem = setItem;
  draft.save("Is the jar in");
  localStorage.items.set("kefu:draft:tea-house:bo", "Is the jar in stock?");
  assert.equal(draft.load(), "Is the jar in stock?");
});
