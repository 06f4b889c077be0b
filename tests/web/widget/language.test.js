import assert from "node:assert/strict";
import { test } from "node:test";
import { languageOf, sideOf } from "../../../chalicelib/web/widget/language.js";

test("The language is the one asked for, else the page's, else the browser's", () => {
  assert.equal(languageOf({ wanted: "zh-CN", page: "en", browser: ["de"] }), "zh-CN");
  assert.equal(languageOf({ wanted: "", page: "en", browser: ["de"] }), "en");
  assert.equal(languageOf({ page: "", browser: ["de", "en"] }), "de");
  assert.equal(languageOf({ page: "" }), "en");
});

test("The button is where lines end, unless the page says a side", () => {
  assert.equal(sideOf(undefined, "ltr"), "right");
  assert.equal(sideOf(undefined, "rtl"), "left");
  assert.equal(sideOf("left", "ltr"), "left");
  assert.equal(sideOf("middle", "ltr"), "right");
});
