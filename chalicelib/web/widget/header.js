/** The panel's top: the store, who is there, the menu, and the way out. */
import { h, icon, setText } from "../chat/dom.js";
import { createMenu } from "./menu.js";
import { presenceOf } from "./stage.js";

/**
 * @param {object} options
 * @param {import("../chat/words.js").Words} options.words
 * @param {() => import("./menu.js").Item[]} options.items of the menu
 * @param {() => void} options.onClose
 */
export function createHeader({ words, items, onClose }) {
  const name = h("h2", { id: "kefu-name", dir: "auto" });
  const presence = h("p", { class: "presence", role: "status", dir: "auto" });
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  const menu = createMenu({ label: words.say("widget.menu"), items });
  const element = h("div", { class: "top" },
    dot,
    h("div", { class: "who" }, name, presence),
    menu.element,
    h("button", {
      type: "button", class: "k-plain k-round", onclick: onClose,
      "aria-label": words.say("widget.close"), title: words.say("widget.close"),
    }, icon("close")));

  return {
    element,
    closeMenu: menu.close,
    /** @param {import("./stage.js").Known} known */
    show(known) {
      const who = presenceOf(known);
      setText(name, known.shop?.name ?? words.say("widget.open"));
      setText(presence, who ? presenceWords(words, who) : "");
      dot.dataset.who = who?.who ?? "unknown";
    },
  };
}

/**
 * @param {import("../chat/words.js").Words} words
 * @param {NonNullable<ReturnType<typeof presenceOf>>} presence
 */
export function presenceWords(words, presence) {
  if (presence.who === "agent") return words.say("widget.with", { name: presence.name });
  if (presence.who === "some") return words.say("widget.online", { n: presence.n });
  return words.say("widget.away");
}
