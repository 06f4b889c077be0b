/**
 * The connection machine: what happened goes in, what to do comes out. It has no clock, no socket and no timer.
 *
 * Each connect is an attempt: a token, a socket, a welcome, the replay. An attempt that has caught up becomes the
 * current socket; if there was one before, that one retires. So a rotation is an attempt beside a live socket, and what
 * fails in it is nothing that anybody sees.
 *
 * @import { Status, Reason } from "./kefu.js"
 * @import { Timing } from "./environment.js"
 *
 * @typedef {object} Attempt
 * @property {number} n
 * @property {"token" | "opening" | "catching up"} phase
 * @property {boolean} asked  the replay has stopped, and we asked for it again
 *
 * @typedef {object} Connection
 * @property {boolean} wanted
 * @property {boolean} network  the browser believes in one
 * @property {boolean} visible
 * @property {number} serial
 * @property {{ n: number, since: number } | null} current
 * @property {Attempt | null} attempt
 * @property {number} failures
 * @property {Reason | null} reason
 * @property {number | null} retryAt
 *
 * @typedef {{ type: string, at: number, n?: number, [more: string]: any }} Happening
 * @typedef {{ do: string, n?: number, name?: string, in?: number | null, [more: string]: any }} Step
 * @typedef {[Connection, ...Step[]]} Decision
 * @typedef {{ timing: Timing, backoff: (failures: number) => number }} Rules
 */

/** @type {Connection} */
export const START = Object.freeze({
  wanted: false,
  network: true,
  visible: true,
  serial: 0,
  current: null,
  attempt: null,
  failures: 0,
  reason: "closed",
  retryAt: null,
});

/** @param {Connection} c @returns {Status} */
export function statusOf({ current, attempt, reason, retryAt }) {
  if (current) return Object.freeze({ state: "live", reason: null, retryAt: null });
  if (!attempt) return Object.freeze({ state: "offline", reason, retryAt });
  if (attempt.phase === "catching up") return Object.freeze({ state: "catching up", reason: null, retryAt: null });
  return Object.freeze({ state: "connecting", reason: reason === "closed" ? null : reason, retryAt: null });
}

/** @param {Status} one @param {Status} other */
export const sameStatus = (one, other) =>
  one.state === other.state && one.reason === other.reason && one.retryAt === other.retryAt;

/**
 * @param {Connection} c
 * @param {Happening} happening
 * @param {Rules} rules
 * @returns {Decision}
 */
export function decide(c, happening, rules) {
  const [next, ...steps] = happenings[happening.type](c, happening, rules);
  return [Object.freeze(next), ...steps];
}

/** @type {Record<string, (c: Connection, happening: any, rules: Rules) => Decision>} */
const happenings = {
  start: (c, _, rules) => (c.wanted ? [c] : attempt({ ...c, wanted: true }, rules)),

  stop: (c) => hangUp({ ...c, wanted: false }, "closed"),

  /** Somebody wants it now: the page was shown, somebody signed in, "try again" was tapped. */
  wake: (c, _, rules) => (c.current ? [c, ...probe(rules)] : now(c, rules)),

  network(c, { there, at }, rules) {
    if (there) return happenings.wake({ ...c, network: true }, { at }, rules);
    if (!c.wanted || c.reason === "signed out") return [{ ...c, network: false }];
    const [next, ...steps] = hangUp({ ...c, network: false }, "no network");
    return later(next, at, rules, steps);
  },

  visible(c, { visible, quiet }, rules) {
    if (visible === c.visible) return [c];
    const next = { ...c, visible };
    if (!c.current) return visible && c.reason !== "signed out" ? now(next, rules) : [next];
    if (visible && quiet > rules.timing.probe) return [next, ...probe(rules), pingLater(next, rules)];
    return [next, pingLater(next, rules)];
  },

  /** The token callback has answered: `token` is "there", "none" or "failed". */
  token(c, { n, token, at }, rules) {
    if (c.attempt === null || c.attempt.n !== n) return [c];
    if (token === "failed") return failed(c, at, rules);
    if (token === "none") return hangUp(c, "signed out");
    const opening = { ...c.attempt, phase: /** @type {const} */ ("opening") };
    return [{ ...c, attempt: opening }, { do: "open", n }, timer("attempt", rules.timing.open)];
  },

  welcome(c, { n }, rules) {
    if (c.attempt === null || c.attempt.n !== n) return [c];
    const catching = { ...c.attempt, phase: /** @type {const} */ ("catching up") };
    return [{ ...c, attempt: catching }, timer("attempt", rules.timing.quiet)];
  },

  /** An entry was replayed. */
  progress: (c, { n }, rules) => (c.attempt?.n === n ? [c, timer("attempt", rules.timing.quiet)] : [c]),

  "caught up"(c, { n, at, rotateIn }, rules) {
    if (c.attempt?.n !== n) return [c];
    const next = { ...c, attempt: null, current: { n, since: at }, reason: null, retryAt: null };
    /** @type {Step[]} */
    const steps = [
      { do: "live", n, rotated: c.current !== null },
      timer("attempt", null),
      timer("retry", null),
      timer("pong", null),
      timer("rotate", rotateIn),
      pingLater(next, rules),
    ];
    return [next, ...steps, ...(c.current ? [{ do: "retire", n: c.current.n }] : [])];
  },

  /** A socket has closed, or has failed to open. */
  lost(c, { n, at }, rules) {
    if (c.attempt?.n === n) return failed(c, at, rules);
    if (c.current?.n !== n) return [c];
    return dropped(c, at, rules);
  },

  /** The service does not know our connection, or our token, any more. */
  unauthorized(c, { n, at }, rules) {
    if (c.attempt?.n === n) return failed(c, at, rules);
    if (c.current === null || c.current.n !== n) return [c];
    const [next, ...steps] = dropped(c, at, rules);
    if (next.attempt || at - c.current.since < rules.timing.settled) return [next, ...steps];
    const [trying, ...more] = attempt(next, rules);
    return [trying, ...steps, ...more];
  },

  // --- timers -------------------------------------------------------------------------------------------------------

  retry: (c, _, rules) => (c.wanted && !c.attempt ? attempt(c, rules) : [c]),

  attempt(c, { at }, rules) {
    if (!c.attempt) return [c];
    if (c.attempt.phase !== "catching up" || c.attempt.asked) return failed(c, at, rules);
    // The replay stopped before it had brought what was announced: perhaps another device's ack cut it short.
    const asked = { ...c.attempt, asked: true };
    return [{ ...c, attempt: asked }, { do: "ask for the rest", n: asked.n }, timer("attempt", rules.timing.patience)];
  },

  ping: (c, _, rules) =>
    c.current ? [c, { do: "ping" }, { ...timer("pong", rules.timing.pong), keep: true }, pingLater(c, rules)] : [c],

  /** `silent`: nothing has come since the ping. */
  pong: (c, { silent, at }, rules) => (c.current && silent ? dropped(c, at, rules) : [c]),

  rotate: (c, _, rules) => (c.current && !c.attempt ? attempt(c, rules) : [c]),
};

/**
 * A timer to set (null: to stop); with `keep` one that runs already stays as it is.
 * @param {string} name
 * @param {number | null} ms
 * @returns {Step}
 */
const timer = (name, ms) => ({ do: "timer", name, in: ms });

/** @param {Connection} c @param {Rules} rules */
const pingLater = (c, { timing }) => timer("ping", c.visible ? timing.ping : timing.pingHidden);

/** @param {Rules} rules @returns {Step[]} */
const probe = ({ timing }) => [{ do: "ping" }, timer("pong", timing.probe)];

/** @param {Connection} c @param {Rules} rules @returns {Decision} */
const now = (c, rules) => (c.wanted && !c.attempt ? attempt(c, rules) : [c]);

/** @param {Connection} c @param {Rules} rules @returns {Decision} */
function attempt(c, { timing }) {
  const n = c.serial + 1;
  /** @type {Attempt} */
  const first = { n, phase: "token", asked: false };
  const next = { ...c, serial: n, attempt: first, retryAt: null };
  return [next, { do: "ask", n }, timer("retry", null), timer("attempt", timing.token)];
}

/**
 * An attempt has failed: another one later, the current socket, if there is one, notwithstanding.
 * @param {Connection} c
 * @param {number} at
 * @param {Rules} rules
 * @returns {Decision}
 */
function failed(c, at, rules) {
  const next = { ...c, attempt: null, failures: c.failures + 1 };
  return later(next, at, rules, [{ do: "close", n: c.attempt?.n }, timer("attempt", null)]);
}

/**
 * The current socket is gone. An attempt under way, if there is one, goes on in its place.
 * @param {Connection} c
 * @param {number} at
 * @param {Rules} rules
 * @returns {Decision}
 */
function dropped(c, at, rules) {
  const settled = c.current !== null && at - c.current.since >= rules.timing.settled;
  const next = { ...c, current: null, failures: settled ? 0 : c.failures + 1 };
  const steps = [{ do: "close", n: c.current?.n }, timer("ping", null), timer("pong", null), timer("rotate", null)];
  return c.attempt ? [next, ...steps] : later(next, at, rules, steps);
}

/** @param {Connection} c @param {number} at @param {Rules} rules @param {Step[]} steps @returns {Decision} */
function later(c, at, rules, steps) {
  const wait = c.network ? rules.backoff(c.failures) : rules.timing.noNetwork;
  const reason = c.network ? "unreachable" : "no network";
  return [{ ...c, reason, retryAt: at + wait }, ...steps, timer("retry", wait)];
}

/** @param {Connection} c @param {Reason} reason @returns {Decision} */
function hangUp(c, reason) {
  const steps = [c.attempt, c.current].flatMap((each) => (each ? [{ do: "close", n: each.n }] : []));
  const timers = ["attempt", "retry", "ping", "pong", "rotate"].map((name) => timer(name, null));
  return [{ ...c, attempt: null, current: null, reason, retryAt: null }, ...steps, ...timers];
}
