/** Dialogs: modal, closed by Escape or beside them, the focus back where it came from. */

import { h, icon } from "../chat/dom.js";

let number = 0;

/**
 * Show a dialog until it is answered. `build` gets `answer`, which closes it, and gives its content; the promise
 * resolves with the answer, or undefined where it was closed without one.
 * @template T
 * @param {{ room: Element, words: import("../chat/words.js").Words, title: string, wide?: boolean,
 *   build: (answer: (value: T) => void) => import("../chat/dom.js").Child[] }} parts
 * @returns {Promise<T | undefined>}
 */
export function ask({ room, words, title, wide = false, build }) {
  const root = /** @type {ShadowRoot} */ (room.getRootNode());
  const before = /** @type {HTMLElement | null} */ (root.activeElement);
  return new Promise((resolve) => {
    /** @type {T | undefined} */
    let value;
    const answer = (/** @type {T} */ given) => {
      value = given;
      dialog.close();
    };
    const id = `dialog-${(number += 1)}`;
    const dialog = h(
      "dialog",
      { class: wide ? "dialog wide" : "dialog", "aria-labelledby": id },
      h(
        "div",
        { class: "dialog-head" },
        h("h2", { id }, title),
        h(
          "button",
          {
            type: "button",
            class: "k-plain k-round",
            "aria-label": words.say("console.dismiss"),
            onclick: () => dialog.close(),
          },
          icon("close"),
        ),
      ),
      build(answer),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      // The browser gives the focus back, if only it is still there.
      if (before?.isConnected) before.focus();
      resolve(value);
    });
    // A press on the backdrop is one on the dialog itself, whose padding is zero.
    dialog.addEventListener("pointerdown", (/** @type {Event} */ event) => event.target === dialog && dialog.close());
    room.append(dialog);
    dialog.showModal();
  });
}

/** A question with one way to go on. @returns {Promise<boolean>} */
export async function confirm(
  /** @type {{ room: Element, words: import("../chat/words.js").Words, title: string, text: string, action: string }} */
  { room, words, title, text, action },
) {
  const build = (/** @type {(value: boolean) => void} */ answer) => [
    h("p", { dir: "auto" }, text),
    h(
      "div",
      { class: "dialog-foot" },
      h("button", { type: "button", class: "action", onclick: () => answer(false) }, words.say("console.cancel")),
      h("button", { type: "button", class: "action primary", autofocus: true, onclick: () => answer(true) }, action),
    ),
  ];
  return (await ask({ room, words, title, build })) === true;
}
