/** A browser's storage, or where it is forbidden or full, memory that goes with the page. */

/** @param {"localStorage" | "sessionStorage"} kind @returns {Storage} */
export function storage(kind) {
  /** @type {Map<string, string>} */
  const memory = new Map();
  /** @type {Storage | null} */
  let real = null;
  try {
    real = window[kind];
  } catch {
    // The page may not keep anything here (a sandboxed frame, a private window): memory will do.
  }
  return /** @type {Storage} */ ({
    getItem: (key) => memory.get(key) ?? real?.getItem(key) ?? null,
    setItem(key, value) {
      try {
        real?.setItem(key, value);
        memory.delete(key);
        if (!real) memory.set(key, value);
      } catch {
        memory.set(key, value);
      }
    },
    removeItem(key) {
      memory.delete(key);
      real?.removeItem(key);
    },
  });
}
