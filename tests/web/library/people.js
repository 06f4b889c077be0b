/** What the programs of the library's tests share: clients against a real service, and waiting for a condition. */

/**
 * The settings of this run, which the test passes as its only argument.
 * @typedef {{ library: string, url: string, tokens: string, store: string, agents: string[], [more: string]: any }} Settings
 */
export const settings = /** @type {Settings} */ (JSON.parse(process.argv[2] ?? "{}"));

/** @type {typeof import("../../../chalicelib/web/lib/kefu.js")} */
const { connect } = await import(settings.library);

/** A token as the service mints it on one machine. @param {string} sub @param {number} [life]  s */
export async function token(sub, life = 3600) {
  const body = JSON.stringify({ sub, ttl_s: life });
  const answer = await fetch(settings.tokens, { method: "POST", body });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return (await answer.json()).token;
}

/**
 * A client of `user`, whose faults end the program.
 * @param {string} user
 * @param {Partial<import("../../../chalicelib/web/lib/kefu.js").Options>} [options]
 * @param {Record<string, any>} [world]
 */
export function client(user, options = {}, world = {}) {
  const report = (/** @type {unknown} */ error) => fail(error);
  return connect({ url: settings.url, token: () => token(user), rate: 0, ...options }, { report, ...world });
}

/** @param {unknown} error @returns {never} */
export function fail(error) {
  console.error(error);
  process.exit(1);
}

/**
 * Resolves when `condition` holds, looked at after each change that `subscribe` tells of.
 * @param {(look: () => void) => unknown} subscribe
 * @param {() => boolean} condition
 */
export function until(subscribe, condition) {
  return new Promise((/** @type {(value: void) => void} */ resolve) => {
    const look = () => condition() && resolve();
    subscribe(look);
    look();
  });
}

/** @param {unknown} truth @param {string} what */
export function check(truth, what) {
  if (!truth) fail(new Error(what));
}
