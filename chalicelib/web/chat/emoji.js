/** A small emoji picker: a button, and a panel that the arrow keys walk through. */
import { h, icon } from "./dom.js";

const COLUMNS = 8;
const EMOJI = [
  ..."😀😄😁😂🙂😊😍😘😋😎🤗🤔😅😉🙃😌😢😭😡😱😴🤒🥳🤝👍👎👌🙏",
  ..."👏💪👋🌹🎉🎁💰🛒📦🚚🏠📷📞⏰✅❌❓🔥⭐💯☕🍵🌙🌞🌟💔💕🧧",
];

/**
 * @param {{ words: import("./words.js").Words, onPick(emoji: string): void, onLeave(): void }} options
 */
export function createEmoji({ words, onPick, onLeave }) {
  const name = words.say("chat.emoji");
  const button = h("button", {
    class: "k-plain k-round", type: "button", "aria-label": name, title: name, "aria-expanded": "false",
    onclick: () => turn(panel.hidden),
  }, icon("smile"));
  const panel = h("div", {
    class: "k-emoji", role: "group", "aria-label": name, hidden: true, onkeydown: key, onclick: pick, onfocusout: left,
  });
  const one = (each, index) => h("button", { class: "k-plain", type: "button", tabIndex: index ? -1 : 0 }, each);

  function turn(open) {
    if (open && !panel.hasChildNodes()) panel.append(...EMOJI.map(one));
    panel.hidden = !open;
    button.ariaExpanded = String(open);
    if (open) panel.querySelector('[tabindex="0"]').focus();
  }

  function pick(event) {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    turn(false);
    onPick(chosen.textContent);
  }

  function key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      turn(false);
      return onLeave();
    }
    const forward = getComputedStyle(panel).direction === "rtl" ? -1 : 1;
    const step = {
      ArrowRight: forward, ArrowLeft: -forward, ArrowDown: COLUMNS, ArrowUp: -COLUMNS,
      Home: -EMOJI.length, End: EMOJI.length,
    }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...panel.children];
    const here = all.indexOf(event.target.closest("button"));
    const there = Math.min(all.length - 1, Math.max(0, here + step));
    all[here].tabIndex = -1;
    all[there].tabIndex = 0;
    all[there].focus();
  }

  function left({ relatedTarget }) {
    if (relatedTarget !== button && !panel.contains(relatedTarget) && !panel.hidden) turn(false);
  }

  return { button, panel, close: () => turn(false) };
}
