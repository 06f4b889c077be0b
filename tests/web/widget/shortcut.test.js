import assert from "node:assert/strict";
import { test } from "node:test";
import { isShortcut, isWritingPlace } from "../../../chalicelib/web/widget/shortcut.js";

const pressed = (more) => ({ altKey: true, shiftKey: true, code: "KeyC", ...more });

test("Alt+Shift+C is the shortcut, on every layout", () => {
  assert.equal(isShortcut(pressed({ key: "Ç" })), true);
  assert.equal(isShortcut(pressed({ altKey: false })), false);
  assert.equal(isShortcut(pressed({ code: "KeyD" })), false);
});

test("It is not the shortcut with more keys, when held, in a composition, or when the page has taken it", () => {
  for (const more of ["ctrlKey", "metaKey", "repeat", "isComposing", "defaultPrevented"]) {
    assert.equal(isShortcut(pressed({ [more]: true })), false, more);
  }
});

test("Where somebody writes, it is not ours", () => {
  assert.equal(isWritingPlace({ tagName: "INPUT", type: "text" }), true);
  assert.equal(isWritingPlace({ tagName: "TEXTAREA" }), true);
  assert.equal(isWritingPlace({ tagName: "DIV", isContentEditable: true }), true);
  assert.equal(isWritingPlace({ tagName: "INPUT", type: "checkbox" }), false);
  assert.equal(isWritingPlace({ tagName: "BODY" }), false);
  assert.equal(isWritingPlace(null), false);
});
