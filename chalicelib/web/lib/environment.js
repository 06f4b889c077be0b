/**
 * Everything that the library takes from the world around it, in one place, so that tests can bring another world.
 * @typedef {typeof timing} Timing
 * @typedef {ReturnType<typeof surroundings>} Environment
 */

/** All durations, in ms. */
export const timing = Object.freeze({
  token: 10_000, // the token callback's answer
  open: 15_000, // from opening a socket to its welcome
  quiet: 10_000, // in the middle of a replay, until we ask
  settled: 5_000, // a connection that lived so long was a good one
  backoff: Object.freeze({ least: 500, most: 30_000 }),
  noNetwork: 30_000, // browsers that say so are not always right
  ping: 60_000,
  pingHidden: 480_000, // the platform hangs up after ten minutes
  pong: 10_000,
  probe: 5_000, // the same after waking up, when a dead socket is likely
  tick: 10_000,
  slept: 10_000, // a tick that comes so late means that the machine slept
  rotate: 110 * 60_000, // the platform hangs up after two hours
  rotateJitter: 5 * 60_000,
  linger: 5_000, // an old socket waits so long for its last answers
  answer: 10_000, // then a request is asked again
  patience: 30_000, // then a request fails
  retry: Object.freeze({ least: 500, most: 8_000 }),
  ackAfter: 65_000, // a little after the next ping, which would have carried it
  gap: 2_000, // what was overtaken has so long to come by itself
  overtaken: 250, // the same within a conversation that is open; in one that is not, nobody asks
  skip: 300,
  tendAgain: 5_000,
  typingEvery: 4_000,
  typingLapses: 8_000,
  tabAnswer: 4_000, // a leading tab that says nothing for so long has stopped
  tabHere: 20_000,
});

/** Entries after which an `ack` gets a frame of its own; during a replay, when one at the end will do, it is later. */
export const ACK_EVERY = 25;
export const ACK_EVERY_REPLAYED = 200;
export const IN_FLIGHT = 8;

/**
 * A clock that, set back, goes on from where it was: else whatever waits would wait for as long as it was set back.
 * @param {() => number} clock
 */
function steady(clock) {
  let last = 0;
  let back = 0;
  return () => {
    const at = clock();
    back += Math.max(0, last - at);
    last = at;
    return at + back;
  };
}

/** A sandboxed page has the names and not the things: asking for one throws. @template T @param {() => T} ask */
export function allowed(ask) {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

/** @param {Record<string, any>} [other]  what a test replaces */
export function surroundings(other = {}) {
  const world = /** @type {any} */ (globalThis);
  /** What this machine shows, in all tabs; durations go by `now`. @type {() => number} */
  const clock = other.now ?? (() => Date.now());
  return {
    random: () => Math.random(),
    /** @type {(callback: () => void, ms: number) => any} */
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    /** @type {(timer: any) => void} */
    clearTimeout: (timer) => clearTimeout(timer),
    WebSocket: world.WebSocket,
    /** @type {any} */ indexedDB: allowed(() => world.indexedDB),
    BroadcastChannel: world.BroadcastChannel,
    /** @type {any} */ locks: allowed(() => world.navigator?.locks),
    /** @type {any} */ window: typeof world.addEventListener === "function" ? world : null,
    /** @type {any} */ document: world.document ?? null,
    /** @type {any} */ navigator: world.navigator ?? null,
    /** Tells of a fault in somebody else's code, never with a message's text. @type {(error: unknown) => void} */
    report: (error) => (world.reportError ? world.reportError(error) : console.error(error)),
    ...other,
    clock,
    now: steady(clock),
    timing: { ...timing, ...other.timing },
  };
}
