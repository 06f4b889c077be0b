/**
 * A small emoji picker: a panel that the arrow keys walk through. The composer fetches it when it is first asked for,
 * so it imports nothing itself.
 */

const COLUMNS = 8;
const EMOJI = [
  ..."😀😄😁😂🙂😊😍😘😋😎🤗🤔😅😉🙃😌😢😭😡😱😴🤒🥳🤝👍👎👌🙏",
  ..."👏💪👋🌹🎉🎁💰🛒📦🚚🏠📷📞⏰✅❌❓🔥⭐💯☕🍵🌙🌞🌟💔💕🧧",
];

/**
 * Make the panel, beside the button that opens it.
 * @param {{ h: typeof import("./dom.js").h, button: HTMLElement, onPick(emoji: string): void,
 *   onLeave(): void }} options
 */
export function createEmoji({ h, button, onPick, onLeave }) {
  const one = (each, index) => h("button", { class: "k-plain", type: "button", tabIndex: index ? -1 : 0 }, each);
  const panel = h("div", {
    class: "k-emoji", role: "group", "aria-label": button.getAttribute("aria-label"), hidden: true,
    onkeydown: key, onclick: pick, onfocusout: left,
  }, ...EMOJI.map(one));
  button.before(panel);

  function turn(open) {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
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

  return { toggle: () => turn(panel.hidden), close: () => turn(false) };
}
