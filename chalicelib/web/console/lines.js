/** Lines above the console that stay until they are dismissed: notices, and customers who wait too long. */

import { h, icon } from "../chat/dom.js";
import { clock, exact } from "../chat/times.js";

const MOST = 3;

/**
 * @param {{ words: import("../chat/words.js").Words, onOpen: (id: string) => void, leave: () => void }} parts
 *   `leave`: where the focus goes when a line goes
 */
export function createLines({ words, onOpen, leave }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const element = h("div", { class: "lines", role: "status" });

  function add(/** @type {string} */ kind, /** @type {any[]} */ ...children) {
    const line = h(
      "div",
      { class: `line ${kind}` },
      children,
      h(
        "button",
        {
          type: "button",
          class: "k-plain k-round small",
          "aria-label": say("dismiss"),
          onclick: () => {
            line.remove();
            leave();
          },
        },
        icon("close"),
      ),
    );
    element.append(line);
    while (element.children.length > MOST) element.firstElementChild?.remove();
    return line;
  }

  return {
    element,
    notice({ text, at }) {
      add(
        "notice",
        h("span", { class: "line-text", dir: "auto" }, text),
        h("time", { class: "muted number", title: exact(at, words.lang) }, clock(at, words.lang)),
      );
    },
    /** @param {import("./queue.js").ConversationObject[]} objects */
    late(objects) {
      element.querySelector(".late")?.remove();
      const [{ conversation, customer }] = objects;
      const text =
        objects.length > 1 ? say("late_many", { n: objects.length }) : say("late_one", { name: customer.name });
      const line = add(
        "late",
        h("span", { class: "shape", "aria-hidden": "true" }, "◆"),
        h("span", { class: "line-text", dir: "auto" }, text),
        h(
          "button",
          {
            type: "button",
            class: "k-plain k-link",
            onclick: () => {
              line.remove();
              onOpen(conversation);
            },
          },
          say("show"),
        ),
      );
      line.dataset.conversation = conversation;
    },
    /** Who waits no more needs no line. */
    prune(/** @type {(id: string) => boolean} */ waits) {
      const line = /** @type {HTMLElement | null} */ (element.querySelector(".late"));
      if (line && !waits(line.dataset.conversation ?? "")) line.remove();
    },
  };
}
