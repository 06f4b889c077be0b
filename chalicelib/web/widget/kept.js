/** What the widget keeps in this browser: unsent words and whether it may make a sound. Never a token. */

const memory = new Map();

/** Pages may forbid storage, and it may be full: then things are kept for as long as the page lives. */
function read(store, key) {
  try {
    return memory.get(key) ?? store().getItem(key);
  } catch {
    return null;
  }
}

function write(store, key, text) {
  memory.delete(key);
  try {
    if (text) store().setItem(key, text);
    else store().removeItem(key);
  } catch {
    if (text) memory.set(key, text);
  }
}

const forever = () => globalThis.localStorage;
const thisTab = () => globalThis.sessionStorage;

/**
 * The words that this user has begun to write to this store.
 * @param {string} store
 * @param {string} user
 */
export function draftOf(store, user) {
  const key = `kefu:draft:${store}:${user}`;
  return {
    load: () => read(forever, key) ?? "",
    /** @param {string} text */
    save: (text) => write(forever, key, text.trim() ? text : ""),
  };
}

/** Whether the shopper has allowed a sound. */
export const soundChoice = {
  load: () => read(forever, "kefu:sound") === "on",
  /** @param {boolean} on */
  save: (on) => write(forever, "kefu:sound", on ? "on" : ""),
};

/**
 * Whether the panel stood open when this tab left the page before: it opens again on the next one.
 * @param {string} store
 */
export function openMark(store) {
  const key = `kefu:open:${store}`;
  return {
    load: () => read(thisTab, key) === "yes",
    /** @param {boolean} open */
    save: (open) => write(thisTab, key, open ? "yes" : ""),
  };
}
