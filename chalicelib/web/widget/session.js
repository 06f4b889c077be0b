/** One shopper's session with one store: the connection, the conversation, and who is there. No DOM. */
import { NOTHING_KNOWN, presenceOf } from "./stage.js";

const ASK_AGAIN_MS = 60_000;
// An answer of just now is good enough: opening, connecting and the loss of an agent often come together.
const JUST_NOW_MS = 1000;

/**
 * @typedef {import("./stage.js").Known & { user: string | null, notice: string | null }} SessionState
 * @typedef {ReturnType<typeof createSession>} Session
 */

/**
 * @param {object} options
 * @param {import("./service.js").Service} options.service
 * @param {string} options.store
 * @param {(state: SessionState) => void} options.onChange
 * @param {(message: import("../lib/kefu.d.ts").Message) => void} options.onArrival a message of another, just now
 */
export function createSession({ service, store, onChange, onArrival }) {
  /** @type {SessionState} */
  let state = { ...NOTHING_KNOWN, user: null, notice: null };
  let client = /** @type {import("../lib/kefu.d.ts").Client | null} */ (null);
  let conversation = /** @type {import("../lib/kefu.d.ts").Conversation | null} */ (null);
  let unsubscribe = () => {};
  let askedAt = -Infinity;
  let begun = false;
  let ended = false;
  let timer = /** @type {ReturnType<typeof setInterval> | undefined} */ (undefined);
  const leaving = [service.onRefused(refuse)];

  function change(news) {
    if (ended) return;
    const before = state;
    state = { ...state, ...news };
    onChange(state);
    const served = before.view?.object?.agent ?? null;
    if (served && !state.view?.object?.agent) askStore();
  }

  function refuse(reason) {
    if (!state.refused) console.error(reason.message);
    change({ refused: true });
  }

  async function begin() {
    if (begun) return;
    begun = true;
    // A refusal has been told by `onRefused`. Whatever else goes wrong here is the network's: the client asks again.
    await service.settings().catch(() => {});
    if (ended || state.refused) return;
    client = service.client();
    leaving.push(
      client.on("status", follow),
      client.on("resumed", () => { bind(); askStore(); }),
      client.on("notice", ({ text }) => change({ notice: text })),
      client.on("message", ({ message, fresh }) => {
        if (fresh && message.conversation === conversation?.id) onArrival(message);
      }),
    );
    follow(client.status);
    if (client.status.state === "live") askStore();
  }

  function follow(status) {
    const failed = status.state === "offline" && (status.reason === "unreachable" || status.reason === "no network");
    change({ status, unreached: status.state !== "live" && (failed || state.unreached) });
    bind();
  }

  /** Stand in the conversation of whoever is signed in now: it may be another than before. */
  function bind() {
    const user = client?.user ?? null;
    if (ended || !client || !user || user === state.user) return;
    unsubscribe();
    conversation = client.conversation(`${store}:${user}`);
    change({ user, view: conversation.view });
    unsubscribe = conversation.subscribe((view) => change({ view }));
  }

  async function askStore() {
    if (!client || ended || client.status.state !== "live" || performance.now() - askedAt < JUST_NOW_MS) return;
    askedAt = performance.now();
    try {
      const shop = await client.request("store", { store });
      change({ shop, unknown: false });
    } catch (refusal) {
      // Any other failure leaves what was known; the next minute or connection asks again.
      if (refusal.code === "not_found") change({ unknown: true });
    }
  }

  return {
    get state() { return state; },
    get conversation() { return conversation; },
    begin,
    now: () => client?.now() ?? Date.now(),
    /** Try to connect now. */
    wake: () => client?.wake(),
    /** The panel stands open, or no longer. @param {boolean} now */
    setOpen(now) {
      clearInterval(timer);
      if (!now) return;
      begin();
      if (state.status?.reason === "signed out") client?.wake();
      askStore();
      timer = setInterval(() => {
        if (presenceOf(state)?.who !== "agent") askStore();
      }, ASK_AGAIN_MS);
    },
    dismissNotice: () => change({ notice: null }),
    end() {
      ended = true;
      clearInterval(timer);
      unsubscribe();
      for (const leave of leaving) leave();
      service.leave();
    },
  };
}
