/**
 * What the browser says about network and visibility. What is not there (in Node, in React Native) is not heard.
 *
 * @import { Environment } from "./environment.js"
 */

/** @param {Environment} env */
export const isVisible = ({ document }) => !document || document.visibilityState !== "hidden";

/** @param {Environment} env */
export const hasNetwork = ({ navigator }) => navigator?.onLine !== false;

/**
 * @param {Environment} env
 * @param {object} tell
 * @param {(there: boolean) => void} tell.network
 * @param {(visible: boolean) => void} tell.visible
 * @param {() => void} tell.woke  the machine slept, or the page came back out of the cache
 * @param {() => void} [tell.cached]  the page goes into the cache, where it must not hold anything
 * @returns {() => void}  stops listening
 */
export function listen(env, tell) {
  /** @type {(() => void)[]} */
  const undo = [];
  /** @param {any} target @param {string} type @param {(event: any) => void} listener */
  const on = (target, type, listener) => {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    undo.push(() => target.removeEventListener(type, listener));
  };
  on(env.window, "online", () => tell.network(true));
  on(env.window, "offline", () => tell.network(false));
  on(env.window, "pageshow", (event) => event.persisted && tell.woke());
  on(env.window, "pagehide", (event) => event.persisted && tell.cached?.());
  on(env.document, "visibilitychange", () => tell.visible(isVisible(env)));
  on(env.document, "resume", () => tell.woke());
  undo.push(tick(env, tell.woke));
  return () => undo.forEach((each) => each());
}

/** @param {Environment} env @param {() => void} woke */
function tick(env, woke) {
  const { tick: every, slept } = env.timing;
  let due = env.now() + every;
  /** @type {any} */
  let timer;
  const beat = () => {
    // In the background, browsers slow timers down: there, a late one says nothing.
    if (env.now() > due + slept && isVisible(env)) woke();
    due = env.now() + every;
    timer = env.setTimeout(beat, every);
  };
  timer = env.setTimeout(beat, every);
  return () => env.clearTimeout(timer);
}
