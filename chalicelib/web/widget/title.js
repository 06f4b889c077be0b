/** The number of unread messages before the page's title: "(2) Shop". The page's own changes always win. */

// A page that changes its title twice within this time (ms) animates it, and would read our number as its own words.
const RESTLESS_MS = 2000;

/**
 * @param {{ read: () => string, write: (title: string) => void, now: () => number }} page
 */
export function titleKeeper({ read, write, now }) {
  let own = /** @type {string | null} */ (null); // the page's title, while ours stands in its place
  let written = "";
  let shown = 0;
  let changedAt = -Infinity;

  function put() {
    written = `(${shown}) ${own}`;
    write(written);
  }

  return {
    /** Show this number; 0 gives the page its title back. @param {number} unread */
    show(unread) {
      if (unread === shown) return;
      shown = unread;
      if (own !== null && read() !== written) own = null; // the page has written another: that is its title now
      if (shown > 0) {
        own ??= read();
        put();
      } else if (own !== null) {
        write(own);
        own = null;
      }
    },
    /** The title has changed, perhaps by the page's doing. */
    changed() {
      if (own === null || read() === written) return;
      const restless = now() - changedAt < RESTLESS_MS;
      changedAt = now();
      own = restless ? null : read();
      if (own !== null) put();
    },
  };
}

const counts = new Map();
let keeper = /** @type {ReturnType<typeof titleKeeper> | null} */ (null);
let watcher = /** @type {MutationObserver | null} */ (null);

/**
 * Count what one of the page's widgets has not shown yet.
 * @param {object} widget whose number it is
 * @param {number} unread
 */
export function count(widget, unread) {
  counts.set(widget, unread);
  if (unread === 0) counts.delete(widget);
  const sum = [...counts.values()].reduce((a, b) => a + b, 0);
  if (!keeper && sum === 0) return;
  keeper ??= titleKeeper({
    read: () => document.title,
    write: (title) => { document.title = title; },
    now: () => performance.now(),
  });
  keeper.show(sum);
  if (sum > 0 && !watcher) {
    watcher = new MutationObserver(() => keeper?.changed());
    watcher.observe(document.head, { subtree: true, childList: true, characterData: true });
  } else if (sum === 0) {
    watcher?.disconnect();
    watcher = null;
  }
}
