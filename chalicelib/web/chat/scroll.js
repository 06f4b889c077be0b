/** Where the reader is in a log: at the end and following it, or somewhere else and not to be moved. */

const NEAR_PX = 24;

/**
 * @param {HTMLElement} scroller
 * @param {HTMLElement} list whose children are the rows; those with `data-seq` are messages
 * @param {{ onMove(): void, onLook(seq: number, looking: boolean): void }} listeners `onLook`: the newest message on
 *   screen, and whether somebody looks at this page
 */
export function createScroll(scroller, list, { onMove, onLook }) {
  let following = true;
  let kept = null;     // what the reader's eye rests on, and where; for when the size changes
  let frame = 0;
  const edge = () => scroller.getBoundingClientRect();
  const below = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  let end = 0;

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
    end = scroller.scrollTop;
  }

  /** Whoever has scrolled up in this very frame, before any event says so, is not to be taken back. */
  function hasLeft() {
    if (following && scroller.scrollTop < end - 1 && below() >= NEAR_PX) following = false;
  }

  /** The first message whose beginning is in sight, else the one that fills it; by halves, since rows lie in order. */
  function anchor() {
    hasLeft();
    if (following || !scroller.clientHeight) return null;
    const rows = list.children;
    const { top } = edge();
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= top) low = middle + 1;
      else high = middle;
    }
    // Dividers come and go, and a message loses its head when older ones are put before it: its line stays.
    let place = null;
    for (let row = rows[low]; row; row = row.nextElementSibling) {
      if (!row.dataset.seq) continue;
      const line = row.querySelector(".k-line") ?? row;
      const distance = line.getBoundingClientRect().top - top;
      if (place && distance > scroller.clientHeight / 2) break;
      place = { line, top: distance };
      if (distance >= 0) break;
    }
    return place;
  }

  function keep(place) {
    if (following) toEnd();
    else if (place?.line.isConnected) {
      scroller.scrollTop += place.line.getBoundingClientRect().top - edge().top - place.top;
    }
    later();
  }

  function later() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (!following) kept = anchor();
      look();
    });
  }

  function look() {
    if (!scroller.clientHeight) return;
    const { bottom } = edge();
    for (let row = list.lastElementChild; row; row = row.previousElementSibling) {
      const box = row.dataset.seq && row.getBoundingClientRect();
      // Of a message that is taller than the log, the first lines will do.
      if (box && box.top + Math.min(box.height, 40) <= bottom) {
        return onLook(Number(row.dataset.seq), document.visibilityState === "visible" && document.hasFocus());
      }
    }
  }

  function onScroll() {
    onMove();
    later();
  }

  const sizes = new ResizeObserver(() => {
    keep(kept);
    onMove();
  });
  sizes.observe(scroller);
  sizes.observe(list);
  scroller.addEventListener("scroll", onScroll, { passive: true });
  addEventListener("focus", later);
  document.addEventListener("visibilitychange", later);

  return {
    get following() {
      hasLeft();
      return following;
    },
    get visible() { return scroller.clientHeight > 0; },
    get nearStart() { return scroller.scrollTop < scroller.clientHeight; },
    get nearEnd() { return below() < scroller.clientHeight; },
    get far() { return below() > scroller.clientHeight; },
    anchor,
    keep,
    follow() {
      following = true;
      end = 0;
    },
    leave() { following = false; },
    /** After a move: whether the reader stands at the end, if what is rendered reaches it. */
    reaches(newest) { following = newest && below() < NEAR_PX; },
    toTop(row) { place(row, 8); },
    toMiddle(row) { place(row, Math.max(8, (scroller.clientHeight - row.offsetHeight) / 2)); },
    /** A row has changed its height by the reader's own doing: it stays where it is, or its head comes into sight. */
    settle(row) {
      if (!row.isConnected) return;
      if (row.getBoundingClientRect().top < edge().top) place(row, 8);
      following = false;
      onScroll();
    },
    destroy() {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      removeEventListener("focus", later);
      document.removeEventListener("visibilitychange", later);
    },
  };

  function place(row, distance) {
    following = false;
    scroller.scrollTop += row.getBoundingClientRect().top - edge().top - distance;
    kept = anchor();
  }
}
