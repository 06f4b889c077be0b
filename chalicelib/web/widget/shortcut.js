/** Alt+Shift+C opens and closes the chat from anywhere on the page, except where somebody is writing. */

const NO_WORDS = ["button", "checkbox", "radio", "submit"];
export const SHORTCUT = "Alt+Shift+C";

/** @param {KeyboardEvent} event */
export function isShortcut(event) {
  return event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey
    && event.code === "KeyC" && !event.repeat && !event.isComposing && !event.defaultPrevented;
}

/**
 * Whether what has the focus takes words or keys: there the shortcut is somebody else's.
 * @param {{ tagName?: string, type?: string, isContentEditable?: boolean } | null} element
 */
export function isWritingPlace(element) {
  if (!element) return false;
  if (element.isContentEditable) return true;
  if (element.tagName === "INPUT") return !NO_WORDS.includes(element.type ?? "");
  return element.tagName === "TEXTAREA" || element.tagName === "SELECT";
}

/**
 * @param {Element} host the widget's own element: writing in it is no obstacle
 * @param {() => void} onPress
 * @returns {() => void} takes the listener away
 */
export function listenForShortcut(host, onPress) {
  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const path = event.composedPath();
    if (!isShortcut(event) || (isWritingPlace(path[0]) && !path.includes(host))) return;
    event.preventDefault();
    onPress();
  }
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
