import assert from "node:assert/strict";
import { test } from "node:test";

import { decide, START, statusOf } from "../../../chalicelib/web/lib/connection.js";
import { timing } from "../../../chalicelib/web/lib/environment.js";

/** @import { Connection, Step } from "../../../chalicelib/web/lib/connection.js" */

const rules = { timing, backoff: (/** @type {number} */ failures) => 1000 * failures };

/** What becomes of a connection by these happenings; the steps are those of the last one. @param {any[]} happenings */
function after(happenings, from = START, at = 1000) {
  let connection = from;
  /** @type {Step[]} */
  let steps = [];
  for (const happening of happenings) {
    const given = typeof happening === "string" ? { type: happening } : happening;
    [connection, ...steps] = decide(connection, { at, ...given }, rules);
  }
  return {
    connection,
    steps,
    status: statusOf(connection),
    does: (/** @type {string} */ what) => steps.find((step) => step.do === what),
  };
}
const timer = (/** @type {Step[]} */ steps, /** @type {string} */ name) => steps.find((step) => step.name === name)?.in;

const upTo = (/** @type {number} */ n) => [
  { type: "token", n, token: "there" },
  { type: "welcome", n },
  { type: "caught up", n, rotateIn: 60_000 },
];
const LIVE = ["start", ...upTo(1)];

test("a connect goes from a token to a socket, a welcome, the replay, and is live", () => {
  assert.equal(after(["start"]).status.state, "connecting");
  assert.deepEqual(after(["start"]).does("ask"), { do: "ask", n: 1 });
  assert.deepEqual(after(["start", upTo(1)[0]]).does("open"), { do: "open", n: 1 });
  assert.equal(after(LIVE.slice(0, 3)).status.state, "catching up");
  assert.deepEqual(after(LIVE).status, { state: "live", reason: null, retryAt: null });
});

test("an attempt that fails at any step is followed by another one, later each time", () => {
  for (const steps of [["start"], LIVE.slice(0, 2)]) {
    const { status, steps: done } = after([...steps, "attempt"]);
    assert.deepEqual(status, { state: "offline", reason: "unreachable", retryAt: 2000 });
    assert.equal(timer(done, "retry"), 1000);
  }
  const twice = after(["start", "attempt", "retry", { type: "lost", n: 2 }]);
  assert.equal(timer(twice.steps, "retry"), 2000);
});

test("a replay that stops is asked for once more before the attempt fails", () => {
  const asked = after([...LIVE.slice(0, 3), "attempt"]);
  assert.deepEqual(asked.does("ask for the rest"), { do: "ask for the rest", n: 1 });
  assert.equal(asked.status.state, "catching up");
  assert.equal(after(["attempt"], asked.connection).status.state, "offline");
});

test("without anybody signed in nothing is tried until it is asked for", () => {
  const out = after(["start", { type: "token", n: 1, token: "none" }]);
  assert.deepEqual(out.status, { state: "offline", reason: "signed out", retryAt: null });
  assert.equal(timer(out.steps, "retry"), null);
  assert.deepEqual(after(["wake"], out.connection).does("ask"), { do: "ask", n: 2 });
});

test("the back-off starts anew only after a connection that lasted", () => {
  const failed = after(["start", "attempt", "retry", "attempt", "retry", ...upTo(3)]).connection;
  const brief = after([{ type: "lost", n: 3 }], failed, 1000 + timing.settled - 1);
  assert.equal(timer(brief.steps, "retry"), 3000);
  const lasting = after([{ type: "lost", n: 3 }], failed, 1000 + timing.settled);
  assert.equal(timer(lasting.steps, "retry"), 0);
});

test("a rotation makes a second socket beside the first, which retires when the second has caught up", () => {
  const begun = after([...LIVE, "rotate"]);
  assert.deepEqual([begun.status.state, begun.does("ask")], ["live", { do: "ask", n: 2 }]);
  const done = after(upTo(2), begun.connection);
  assert.deepEqual(done.does("live"), { do: "live", n: 2, rotated: true });
  assert.deepEqual(done.does("retire"), { do: "retire", n: 1 });
  assert.equal(done.connection.current?.n, 2);
});

test("a rotation that fails is tried again, and nobody sees it", () => {
  const { status, steps } = after([...LIVE, "rotate", "attempt"]);
  assert.equal(status.state, "live");
  assert.equal(timer(steps, "retry"), 1000);
});

test("if the first socket dies during a rotation, the second one goes on in its place", () => {
  const { status, connection, does } = after([...LIVE, "rotate", upTo(2)[0], { type: "lost", n: 1 }]);
  assert.equal(status.state, "connecting");
  assert.equal(connection.attempt?.n, 2);
  assert.equal(does("ask"), undefined);
});

test("silence after a ping means a dead socket; anything heard means a living one", () => {
  const asked = after([...LIVE, "ping"]);
  assert.ok(asked.does("ping"));
  assert.equal(timer(asked.steps, "pong"), timing.pong);
  assert.equal(after([{ type: "pong", silent: true }], asked.connection).status.state, "offline");
  assert.equal(after([{ type: "pong", silent: false }], asked.connection).status.state, "live");
});

test("pings are seldom while nobody looks, and one goes out when somebody looks again", () => {
  const hidden = after([...LIVE, { type: "visible", visible: false }]);
  assert.equal(timer(hidden.steps, "ping"), timing.pingHidden);
  const shown = after([{ type: "visible", visible: true, quiet: 60_000 }], hidden.connection);
  assert.ok(shown.does("ping"));
  assert.equal(timer(shown.steps, "pong"), timing.probe);
  assert.equal(timer(shown.steps, "ping"), timing.ping);
});

test("without a network it hangs up, and connects at once when there is one again", () => {
  const gone = after([...LIVE, { type: "network", there: false }]);
  assert.equal(gone.status.reason, "no network");
  assert.deepEqual(gone.does("close"), { do: "close", n: 1 });
  assert.equal(timer(gone.steps.reverse(), "retry"), timing.noNetwork);
  assert.equal(after([{ type: "network", there: true }], gone.connection).status.state, "connecting");
});

test("waking up while live asks whether the socket lives; while offline it connects", () => {
  assert.ok(after([...LIVE, "wake"]).does("ping"));
  assert.equal(after(["start", "attempt", "wake"]).status.state, "connecting");
});

test("a connection that the service does not know any more is made anew at once, unless it was brief", () => {
  const live = after(LIVE).connection;
  assert.equal(after([{ type: "unauthorized", n: 1 }], live, 1000 + timing.settled).status.state, "connecting");
  assert.equal(after([{ type: "unauthorized", n: 1 }], live, 1001).status.state, "offline");
});

test("what an abandoned attempt still says is not heard", () => {
  const { connection } = after(["start", "attempt", "retry"]);
  for (const late of [...upTo(1), { type: "lost", n: 1 }, { type: "unauthorized", n: 1 }]) {
    assert.equal(after([late], connection).connection.attempt?.n, 2);
  }
});

test("hanging up ends everything", () => {
  const { status, steps } = after([...LIVE, "rotate", "stop"]);
  assert.deepEqual(status, { state: "offline", reason: "closed", retryAt: null });
  assert.deepEqual(
    steps.filter((step) => step.do === "close").map(({ n }) => n),
    [2, 1],
  );
  assert.ok(steps.filter((step) => step.do === "timer").every((step) => step.in === null));
});
