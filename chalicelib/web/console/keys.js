/** Hears the keys, and tells those that are meant as commands from those that somebody types. */

import { command } from "./shortcuts.js";

const TYPED = new Set(["text", "search", "number", "password", "email", "url", "tel"]);

/** Whether keys pressed here are text. */
export function isField(/** @type {any} */ element) {
  if (element instanceof HTMLInputElement) return TYPED.has(element.type);
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    element?.isContentEditable === true
  );
}

/**
 * @param {{ on: EventTarget, list: HTMLElement,
 *   run: (command: readonly [string, (number | string)?]) => void }} parts
 * @returns {() => void}
 */
export function listenToKeys({ on, list, run }) {
  const heard = (/** @type {any} */ event) => {
    const [at] = event.composedPath();
    // A dialog or a menu has its own keys, and so has what lies outside of the console.
    if (
      event.defaultPrevented ||
      event.composedPath().some((/** @type {any} */ each) => each.localName === "dialog" || each.popover)
    )
      return;
    const where = isField(at) ? "field" : at === list ? "list" : "elsewhere";
    const found = command(event, where);
    if (!found) return;
    event.preventDefault();
    run(found);
  };
  on.addEventListener("keydown", heard);
  return () => on.removeEventListener("keydown", heard);
}
