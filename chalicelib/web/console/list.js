/** The list of conversations: only the rows that can be seen are in the document. */

import { h } from "../chat/dom.js";
import { createRow, ROW_PX } from "./row.js";
import { held } from "./queue.js";
import { scrolledTo, visible } from "./viewport.js";

/** @typedef {import("./queue.js").ConversationObject} ConversationObject */

/**
 * @param {{ words: import("../chat/words.js").Words, user: string,
 *   thresholds: () => import("./preferences.js").Preferences, now: () => number,
 *   onOpen: (id: string, by: "key" | "pointer") => void, onEnd: () => void,
 *   onOrder: (unsorted: boolean) => void }} parts
 */
export function createList({ words, user, thresholds, now, onOpen, onEnd, onOrder }) {
  const room = h("div", { class: "rows-room", role: "presentation" });
  const element = h("div", { class: "rows", role: "listbox", tabIndex: 0 }, room);
  /** Where a list was scrolled to. @type {Map<string, number>} */
  const tops = new Map();
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const drawn = new Map();
  /** @type {string[]} */
  let order = [];
  /** @type {string[]} */
  let wanted = [];
  /** @type {(id: string) => ConversationObject | undefined} */
  let objectOf = () => undefined;
  let list = /** @type {import("./queue.js").List} */ ("waiting");
  let current = /** @type {string | null} */ (null);
  let active = /** @type {string | null} */ (null);
  let pointed = false;
  let keyed = false;
  let pressed = false;
  let frame = 0;

  const holding = () => pointed || keyed;

  function settle() {
    arrange(wanted);
    draw();
  }

  function arrange(/** @type {string[]} */ next) {
    order = next;
    element.hidden = order.length === 0;
    if (active && !order.includes(active)) active = null;
    onOrder(order.length !== wanted.length || order.some((id, index) => id !== wanted[index]));
  }

  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    room.style.setProperty("block-size", `${order.length * ROW_PX}px`);
    const { from, to } = visible({
      top: element.scrollTop,
      height: element.clientHeight,
      row: ROW_PX,
      count: order.length,
    });
    const shown = new Set(order.slice(from, to));
    for (const [id, row] of drawn) {
      if (shown.has(id)) continue;
      row.element.remove();
      drawn.delete(id);
    }
    const at = now();
    for (let index = from; index < to; index += 1) {
      const id = order[index];
      const object = objectOf(id);
      if (!object) continue;
      const row = drawn.get(id) ?? createRow({ words, user, thresholds });
      row.show({ object, list, now: at, index, count: order.length, current: id === current, active: id === active });
      // In the order of the list also for who reads the document and not the screen.
      const before = room.children[index - from] ?? null;
      if (before !== row.element) room.insertBefore(row.element, before);
      drawn.set(id, row);
    }
    if (active && drawn.has(active)) element.setAttribute("aria-activedescendant", `row-${active}`);
    else element.removeAttribute("aria-activedescendant");
    if (order.length > 0 && to >= order.length) onEnd();
  }

  function soon() {
    if (!frame) frame = requestAnimationFrame(draw);
  }

  /** Stand on a row, or where it is not in the list, on none. */
  function activate(/** @type {string | null} */ id) {
    const index = id ? order.indexOf(id) : -1;
    active = index < 0 ? null : id;
    if (index >= 0)
      element.scrollTop = scrolledTo({ top: element.scrollTop, height: element.clientHeight, row: ROW_PX }, index);
    draw();
  }

  element.addEventListener("scroll", soon, { passive: true });
  element.addEventListener("pointerenter", () => (pointed = true));
  element.addEventListener("pointerleave", () => {
    pointed = false;
    if (!holding()) settle();
  });
  element.addEventListener("pointerdown", () => {
    keyed = false;
    pressed = true;
  });
  element.addEventListener("pointerup", () => (pressed = false));
  element.addEventListener("pointercancel", () => (pressed = false));
  element.addEventListener("focus", () => {
    keyed = !pressed;
    if (keyed && active === null && current && order.includes(current)) activate(current);
  });
  element.addEventListener("blur", () => {
    keyed = false;
    if (!holding()) settle();
  });
  element.addEventListener("keydown", (event) => {
    keyed = true;
    const steps = { PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity }[event.key];
    if (steps !== undefined) {
      event.preventDefault();
      move(steps);
    } else if ((event.key === "Enter" || event.key === " ") && active) {
      event.preventDefault();
      onOpen(active, "key");
    }
  });
  room.addEventListener("click", (event) => {
    const row = /** @type {Element} */ (event.target).closest(".row");
    const id = row instanceof HTMLElement ? row.dataset.conversation : null;
    if (!id) return;
    active = id;
    onOpen(id, "pointer");
  });
  const resized = new ResizeObserver(soon);
  resized.observe(element);

  function move(/** @type {number} */ steps) {
    if (order.length === 0) return;
    const at = active ? order.indexOf(active) : -1;
    const next = at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + steps));
    activate(order[next]);
  }

  return {
    element,
    settle,
    move,
    get active() {
      return active;
    },
    activate,
    get first() {
      return order[0] ?? null;
    },
    /**
     * @param {{ list: typeof list, label: string, ids: string[], objectOf: typeof objectOf, current: string | null,
     *   anew: boolean }} state `anew`: nothing of what stands there is to be held
     */
    show(state) {
      const other = state.list !== list || state.anew;
      if (state.list !== list) tops.set(list, element.scrollTop);
      const top = state.list === list ? 0 : (tops.get(state.list) ?? 0);
      list = state.list;
      element.setAttribute("aria-label", state.label);
      ({ objectOf, current } = state);
      wanted = state.ids;
      // A search, or another list, is what was asked for; all else waits for who points here.
      arrange(
        holding() && !other
          ? held(
              order.filter((id) => objectOf(id)),
              wanted,
            )
          : wanted,
      );
      if (other) {
        draw();
        element.scrollTop = top;
      }
      // A page that nobody sees gets no frames.
      if (document.visibilityState === "hidden" || other) draw();
      else soon();
    },
    tick(/** @type {number} */ at) {
      for (const row of drawn.values()) row.tick(at);
    },
    destroy() {
      cancelAnimationFrame(frame);
      resized.disconnect();
    },
  };
}
