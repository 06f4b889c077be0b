import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../../../chalicelib/web/lib/backoff.js";
import { readToken } from "../../../chalicelib/web/lib/token.js";
import { jwt } from "./world.js";

const bounds = { least: 500, most: 30_000 };

test("the bound doubles from half a second to half a minute, and any time below it may be drawn", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => backoff(failures, bounds, () => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(
    backoff(5, bounds, () => 0),
    0,
  );
});

test("a token tells whose it is and until when", () => {
  assert.deepEqual(readToken(jwt("ming", 1_900_000_000_000)), { user: "ming", expiresAt: 1_900_000_000_000 });
});

test("what is no token tells nothing", () => {
  for (const token of [null, undefined, 7, "", "a.b.c", "a..c", "a.e30.c", "a.bnVsbA.c"])
    assert.equal(readToken(token), null);
});
