/**
 * Keepers of the outbox: what was written and is not stored by the service yet, in the order in which it was written.
 *
 * @import { Outbox, Pending } from "./kefu.js"
 */

/** Kept as long as the page lives. @returns {Outbox} */
export function memoryOutbox() {
  /** @type {Map<string, Map<string, Pending>>} */
  const scopes = new Map();
  const entries = (/** @type {string} */ scope) => scopes.get(scope) ?? new Map();
  return {
    load: async (scope) => [...entries(scope).values()],
    async put(scope, entry) {
      scopes.set(scope, entries(scope).set(entry.id, entry));
    },
    async remove(scope, id) {
      entries(scope).delete(id);
    },
  };
}

/**
 * Kept in IndexedDB, for all tabs of this browser; in memory where the browser refuses to open it.
 * @param {IDBFactory} indexedDB
 * @returns {Outbox}
 */
export function indexedOutbox(indexedDB) {
  /** @type {Promise<IDBDatabase | null> | null} */
  let opening = null;
  const memory = memoryOutbox();

  const database = () => (opening ??= open(indexedDB, () => (opening = null)).catch(() => null));

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore, done: (value: T) => void) => void} work
   * @param {() => Promise<T>} otherwise
   * @returns {Promise<T>}
   */
  async function within(mode, work, otherwise) {
    const base = await database();
    if (!base) return otherwise();
    return new Promise((resolve, reject) => {
      const transaction = base.transaction("outbox", mode);
      /** @type {T} */
      let value;
      transaction.oncomplete = () => resolve(value);
      transaction.onabort = () => reject(transaction.error);
      work(transaction.objectStore("outbox"), (result) => (value = result));
    });
  }

  return {
    load: (scope) =>
      within(
        "readonly",
        (store, done) => {
          const all = store.index("scope").getAll(scope);
          all.onsuccess = () => done(all.result.map(({ entry }) => entry));
        },
        () => memory.load(scope),
      ),
    put: (scope, entry) =>
      within(
        "readwrite",
        (store) => {
          const key = store.index("id").getKey([scope, entry.id]);
          key.onsuccess = () => store.put({ scope, id: entry.id, entry }, key.result);
        },
        () => memory.put(scope, entry),
      ),
    remove: (scope, id) =>
      within(
        "readwrite",
        (store) => {
          const key = store.index("id").getKey([scope, id]);
          key.onsuccess = () => key.result !== undefined && store.delete(key.result);
        },
        () => memory.remove(scope, id),
      ),
  };
}

/**
 * @param {IDBFactory} indexedDB
 * @param {() => void} lost  the browser has closed it: open it again next time
 * @returns {Promise<IDBDatabase>}
 */
function open(indexedDB, lost) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("kefu", 1);
    setTimeout(reject, 5_000); // there are browsers in which nothing comes of it
    request.onupgradeneeded = () => {
      // The keys count up, and so keep the order of writing across tabs.
      const store = request.result.createObjectStore("outbox", { autoIncrement: true });
      store.createIndex("scope", "scope");
      store.createIndex("id", ["scope", "id"], { unique: true });
    };
    request.onerror = request.onblocked = () => reject(request.error);
    request.onsuccess = () => {
      const base = request.result;
      base.onclose = lost;
      base.onversionchange = () => {
        base.close();
        lost();
      };
      resolve(base);
    };
  });
}

// --- the order of sending: pure functions over the list of entries ---------------------------------------------------

/**
 * What may be sent now: of each conversation the first that has not failed, unless one of it is on its way.
 * @param {readonly Pending[]} entries
 * @returns {Pending[]}
 */
export function sendable(entries) {
  /** @type {Map<string, Pending>} */
  const first = new Map();
  for (const entry of entries) {
    if (entry.state !== "failed" && !first.has(entry.conversation)) first.set(entry.conversation, entry);
  }
  return [...first.values()].filter(({ state }) => state === "waiting");
}

/**
 * An entry in its place: a known one where it was, a new one at the end.
 * @param {readonly Pending[]} entries
 * @param {Pending} entry
 * @returns {readonly Pending[]}
 */
export function put(entries, entry) {
  const known = entries.some(({ id }) => id === entry.id);
  return Object.freeze(known ? entries.map((each) => (each.id === entry.id ? entry : each)) : [...entries, entry]);
}

/** @param {readonly Pending[]} entries @param {string} id @returns {readonly Pending[]} */
export const without = (entries, id) => Object.freeze(entries.filter((each) => each.id !== id));

/**
 * A page came back: what was kept comes before what was written since, and what is known already keeps its state.
 * @param {readonly Pending[]} kept
 * @param {readonly Pending[]} known
 * @returns {readonly Pending[]}
 */
export function joined(kept, known) {
  const written = known.filter(({ id }) => !kept.some((each) => each.id === id));
  return Object.freeze([...kept.map((entry) => known.find(({ id }) => id === entry.id) ?? idle(entry)), ...written]);
}

/** @param {Pending} entry @returns {Pending} */
export const idle = (entry) => Object.freeze(entry.state === "sending" ? { ...entry, state: "waiting" } : { ...entry });
