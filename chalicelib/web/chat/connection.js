/** One line about the connection, with words only when there is something to say. */
import { h, setText } from "./dom.js";

const PATIENCE_MS = 1000;

/**
 * @param {{ words: import("./words.js").Words, onRetry(): void }} options
 * @returns {{ element: HTMLElement, show(status: import("../lib/kefu.js").Status, now?: number): void,
 *   destroy(): void }} `now` as `retryAt`: by this machine's clock
 */
export function connectionLine({ words, onRetry }) {
  const element = h("div", { class: "k-connection", role: "status" });
  const said = h("span");
  // A countdown is for the eye: read out every second it would drown all else.
  const rest = h("span", { "aria-hidden": "true" });
  const retry = h("button", { class: "k-plain k-link", type: "button", onclick: () => onRetry() },
    words.say("chat.try_now"));
  let timer = 0;

  function say(text, { due = "", again = false, bad = false } = {}) {
    setText(said, text);
    setText(rest, due);
    element.toggleAttribute("data-bad", bad);
    const wanted = text ? [said, due && rest, again && retry].filter(Boolean) : [];
    // Put in anew, a button that is just being pressed would lose its focus.
    const there = element.childNodes;
    if (wanted.length !== there.length || wanted.some((node, index) => node !== there[index])) {
      element.replaceChildren(...wanted);
    }
  }

  function unreachable(retryAt, now) {
    const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
    const due = retryAt === null ? "" : words.say("chat.again_in", { n: seconds });
    say(words.say("chat.unreachable"), { due, again: true, bad: true });
  }

  return {
    element,
    show({ state, reason, retryAt }, now = Date.now()) {
      clearTimeout(timer);
      clearInterval(timer);
      if (state === "live" || (state === "offline" && reason === "closed")) return say("");
      if (state !== "offline") {
        const connecting = () => say(words.say("chat.connecting"));
        // Where nothing was said, a quick connection needs no words; where something was, it goes on from there.
        if (element.hasChildNodes()) connecting();
        else timer = setTimeout(connecting, PATIENCE_MS);
        return;
      }
      if (reason === "signed out") return say(words.say("chat.signed_out"), { again: true, bad: true });
      if (reason === "no network") return say(words.say("chat.no_network"), { again: true, bad: true });
      const ahead = now - Date.now();
      unreachable(retryAt, now);
      if (retryAt !== null) timer = setInterval(() => unreachable(retryAt, Date.now() + ahead), 1000);
    },
    destroy() {
      clearTimeout(timer);
      clearInterval(timer);
      element.remove();
    },
  };
}
