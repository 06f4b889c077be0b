/**
 * Brings the lists of a queue: page by page as somebody scrolls, and anew when the connection has come back. Until a
 * reload is complete the old rows stay; events count for both.
 */

import { QUERIES, count, empty, known, lost, paged, received } from "./queue.js";

/** @typedef {import("./queue.js").List} List */
/** @typedef {import("./queue.js").Queue} Queue */

const PAGE = 100;
const NEWEST = 20;
const PAUSE_MS = 2000;

/**
 * @param {{ client: import("../lib/kefu.d.ts").Client, service: ReturnType<import("./service.js").createService>,
 *   store: string, user: string, changed: () => void }} parts
 */
export function createLoading({ client, service, store, user, changed }) {
  let queue = empty(user);
  /** What a reload has brought so far, while it lasts. @type {Queue | null} */
  let coming = null;
  /** @type {Map<List, Promise<void>>} */
  const underway = new Map();
  /** @type {Map<List, string>} */
  const failures = new Map();
  let totals = { waiting: /** @type {number | null} */ (null), claimed: /** @type {number | null} */ (null) };
  let reloads = 0;
  let ended = false;
  const numbers = paused(readNumbers);
  const newest = paused(readNewest);

  function apply(/** @type {(queue: Queue) => Queue} */ change) {
    queue = change(queue);
    if (coming) coming = change(coming);
    changed();
  }

  const page = (/** @type {List} */ list, /** @type {string | null} */ cursor) =>
    client.conversations({ store, ...QUERIES[list], limit: PAGE, ...(cursor === null ? {} : { cursor }) });

  /** The next page of a list; nothing happens where there is none, or while it is coming. */
  function more(/** @type {List} */ list) {
    const extent = queue.extents[list];
    if (extent.ended || coming || underway.has(list) || client.status.state !== "live") return;
    const reload = reloads;
    failures.delete(list);
    const asked = page(list, extent.cursor)
      .then((found) => {
        if (reload === reloads) queue = paged(queue, list, found);
      })
      .catch((error) => failed(list, error))
      .finally(() => {
        if (underway.get(list) === asked) underway.delete(list);
        changed();
      });
    underway.set(list, asked);
    changed();
  }

  /** All that was loaded, once more, and at least the beginning of what an agent always sees. */
  async function reload(/** @type {() => List} */ shown, /** @type {readonly string[]} */ open = []) {
    const mine = ++reloads;
    const first = shown();
    coming = empty(user);
    underway.clear();
    failures.clear();
    numbers.now();
    try {
      for (const list of new Set([first, "waiting", "mine"])) await again(/** @type {List} */ (list), mine);
      if (mine === reloads && coming) queue = coming;
    } catch (error) {
      if (mine === reloads) failed(first, error);
    }
    if (mine !== reloads) return;
    coming = null;
    // Another list may have been chosen meanwhile.
    if (!queue.extents[shown()].begun) more(shown());
    // What lies open may be in none of these lists any more.
    if (open.some((id) => !queue.objects.has(id))) await readNewest(PAGE);
    changed();
  }

  async function again(/** @type {List} */ list, /** @type {number} */ mine) {
    const pages = Math.max(1, queue.extents[list].pages);
    const first = !queue.extents[list].begun;
    for (let n = 0; n < pages && coming && !coming.extents[list].ended; n += 1) {
      const found = await page(list, coming.extents[list].cursor);
      if (mine !== reloads || !coming) return;
      coming = paged(coming, list, found);
      // Nothing was there: then the first rows need not wait for the other lists.
      if (first) queue = paged(queue, list, found);
      changed();
    }
  }

  function failed(/** @type {List} */ list, /** @type {any} */ error) {
    // The next connection loads anew by itself.
    if (error.code !== "offline" && error.code !== "closed") failures.set(list, error.code ?? "internal");
  }

  async function readNumbers() {
    try {
      const { waiting, claimed } = await service.numbers(store);
      if (ended) return;
      totals = { waiting, claimed };
      changed();
    } catch {
      // Only a number is missing, and the lists say for themselves what is wrong.
    }
  }

  async function readNewest(limit = NEWEST) {
    // Where this fails, the connection has gone, and the next one loads all anew.
    const { conversations } = await client.conversations({ store, limit }).catch(() => ({ conversations: [] }));
    if (!ended) apply((old) => known(old, conversations));
  }

  return {
    get queue() {
      return queue;
    },
    more,
    reload,
    /** @param {List} list */
    status: (list) => ({
      loading: underway.has(list) || (!queue.extents[list].begun && !failures.has(list)),
      failure: failures.get(list) ?? null,
      ended: queue.extents[list].ended,
      count: count(queue, list, list === "waiting" ? totals.waiting : null),
    }),
    know(/** @type {import("./queue.js").ConversationObject[]} */ objects) {
      apply((old) => known(old, objects));
      if (!queue.extents.waiting.ended) numbers.soon();
    },
    receive(/** @type {import("../lib/kefu.d.ts").Message} */ message) {
      // Nothing asks for one conversation: what has just been written in is the newest.
      if (!queue.objects.has(message.conversation)) newest.soon();
      else apply((old) => received(old, message));
    },
    lose: (/** @type {string} */ id, /** @type {{ user: string, name: string }} */ agent) =>
      apply((old) => lost(old, id, agent)),
    end() {
      ended = true;
      reloads += 1;
      numbers.stop();
      newest.stop();
    },
  };
}

/** At most once in a while, however often it is asked for. */
function paused(/** @type {() => void} */ deed) {
  let timer = 0;
  const now = () => {
    clearTimeout(timer);
    timer = 0;
    deed();
  };
  return {
    now,
    soon() {
      if (!timer) timer = window.setTimeout(now, PAUSE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}
