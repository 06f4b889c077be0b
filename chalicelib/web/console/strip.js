/** The open conversations, side by side above the one that is shown. */

import { h, icon } from "../chat/dom.js";
import { createBadge } from "./row.js";

/**
 * @param {{ desk: import("./desk.js").Desk, words: import("../chat/words.js").Words, onShow: (id: string) => void,
 *   onPutAway: (id: string) => void }} parts
 */
export function createStrip({ desk, words, onShow, onPutAway }) {
  const list = h("ul", { class: "strip-list" });
  const element = h("nav", { class: "strip", "aria-label": words.say("console.open_ones") }, list);
  let drawn = "";

  function item(/** @type {string} */ id, /** @type {number} */ index) {
    const object = desk.object(id);
    const name = object?.customer.name ?? id.slice(id.indexOf(":") + 1);
    const unread = id === desk.current ? 0 : (object?.unread ?? 0);
    const badge = createBadge(words);
    badge.show(unread);
    return h(
      "li",
      { class: id === desk.current ? "strip-item current" : "strip-item" },
      h(
        "button",
        {
          type: "button",
          class: "k-plain strip-name",
          "aria-current": id === desk.current ? "true" : null,
          onclick: () => onShow(id),
          title: index < 9 ? words.say("console.shortcut", { name, keys: `Alt+${index + 1}` }) : name,
        },
        h("span", { class: "strip-text", dir: "auto" }, name),
        badge.element,
      ),
      h(
        "button",
        {
          type: "button",
          class: "k-plain strip-close",
          "aria-label": words.say("console.put_away", { name }),
          onclick: () => onPutAway(id),
        },
        icon("close"),
      ),
    );
  }

  function draw() {
    element.hidden = desk.open.length === 0;
    const key = JSON.stringify(
      desk.open.map((id) => {
        const object = desk.object(id);
        return [id, id === desk.current, object?.customer.name, object?.unread];
      }),
    );
    if (key === drawn) return;
    drawn = key;
    const root = /** @type {ShadowRoot} */ (element.getRootNode());
    const focused = [...list.querySelectorAll("button")].indexOf(/** @type {any} */ (root.activeElement));
    list.replaceChildren(...desk.open.map(item));
    if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
    list.querySelector(".current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  const end = desk.subscribe(draw);
  draw();
  return { element, destroy: end };
}
