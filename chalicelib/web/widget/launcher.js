/** The button that opens the chat, with the number of unread messages. */
import { h, icon } from "../chat/dom.js";
import { SHORTCUT } from "./shortcut.js";
import { badgeText } from "./stage.js";

/**
 * @param {{ onPress: () => void }} options
 */
export function createLauncher({ onPress }) {
  const badge = h("span", { class: "badge", "aria-hidden": "true", hidden: true });
  // The words come a moment later than the button.
  const button = h("button", {
    type: "button", class: "k-plain launcher", onclick: onPress,
    "aria-label": "Chat", "aria-expanded": "false", "aria-haspopup": "dialog", "aria-keyshortcuts": SHORTCUT,
  }, icon("chat"), icon("chevron"), badge);
  const announced = h("p", { class: "k-hidden", role: "status" });
  const element = h("div", { class: "corner" }, button, announced);
  let said = 0;

  return {
    element,
    focus: () => button.focus(),
    /**
     * @param {import("../chat/words.js").Words} words
     * @param {{ name: string | null, unread: number, open: boolean }} what
     */
    show(words, { name, unread, open }) {
      const label = words.say(`widget.${open ? "close" : name ? "open_store" : "open"}`, { name });
      const count = unread > 0 && !open ? words.say("widget.unread", { n: unread }) : "";
      button.setAttribute("aria-label", count ? `${label}, ${count}` : label);
      button.setAttribute("aria-expanded", String(open));
      button.title = label;
      badge.hidden = !count;
      badge.textContent = badgeText(unread);
      // What was read elsewhere is no news.
      if (!count || unread > said) announced.textContent = count;
      said = unread;
    },
  };
}
