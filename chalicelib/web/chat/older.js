/** What stands above the first loaded message: that older ones are on their way, or that they did not come. */
import { h } from "./dom.js";

/**
 * @param {{ words: import("./words.js").Words, onOlder(): void | Promise<void> }} options
 */
export function createOlder({ words, onOlder }) {
  const loading = h("span", null, words.say("chat.older"));
  const again = h("button", { class: "k-plain k-link", type: "button", hidden: true, onclick: ask },
    words.say("chat.older_failed"));
  const element = h("div", { class: "k-top", hidden: true, "aria-live": "off" }, loading, again);
  let before = null;   // the seq before which was asked, while that has not brought anything

  async function ask() {
    const asked = before;
    fails(false);
    try {
      await onOlder();
      if (before === asked) before = null;
    } catch {
      // Why, the connection line says. It is not asked for again by itself, but by a tap, or by coming here again.
      if (before === asked) fails(true);
    }
  }

  function fails(failed) {
    again.hidden = !failed;
    loading.hidden = failed;
  }

  return {
    element,
    /** The reader comes near the first message, `seq`: ask, once a page. */
    near(seq) {
      if (before === seq) return;
      before = seq;
      ask();
    },
    /** The reader has gone away from there. */
    far() {
      if (!again.hidden) before = null;
    },
    forget() {
      before = null;
      fails(false);
    },
  };
}
