/** The search within a conversation: what is loaded at once, and older pages on request. */

import { h, icon, setText } from "../chat/dom.js";

/**
 * @param {{ words: import("../chat/words.js").Words, conversation: import("../lib/kefu.d.ts").Conversation,
 *   log: any, onClose: () => void }} parts
 */
export function createFind({ words, conversation, log, onClose }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const round = (/** @type {any} */ picture, /** @type {string} */ word, /** @type {() => void} */ onclick) =>
    h(
      "button",
      { type: "button", class: "k-plain k-round small", "aria-label": say(word), title: say(word), onclick },
      icon(picture),
    );
  const field = h("input", {
    type: "search",
    class: "search",
    "aria-label": say("find"),
    placeholder: say("find"),
    autocomplete: "off",
  });
  const line = h("span", { class: "muted number", role: "status" });
  const older = h("button", { type: "button", class: "action small", onclick: loadAll });
  const element = h(
    "div",
    { class: "find", role: "search", hidden: true },
    field,
    line,
    round("up", "find_previous", () => go(-1)),
    round("down", "find_next", () => go(1)),
    older,
    round("close", "dismiss", close),
  );
  /** The messages that hold the text, ascending. @type {number[]} */
  let found = [];
  /** The one that is shown, or null. @type {number | null} */
  let at = null;
  let searched = "";
  let loading = false;

  function search() {
    found = searched ? log.find(searched) : [];
  }

  function draw() {
    const { messages, more } = conversation.view;
    const index = at === null ? -1 : found.indexOf(at);
    if (loading) setText(line, say("loaded", { n: messages.length }));
    else if (!searched) setText(line, "");
    else setText(line, found.length === 0 ? say("find_none") : say("find_of", { at: index + 1, n: found.length }));
    older.hidden = !more;
    setText(older, say(loading ? "stop" : "find_older"));
  }

  function go(/** @type {number} */ step) {
    search();
    if (found.length > 0) {
      const index = at === null ? -1 : found.indexOf(at);
      // The newest one first: one mostly looks for what was said last.
      at = index < 0 ? found[found.length - 1] : found[(index + step + found.length) % found.length];
      log.reveal(at);
    }
    draw();
  }

  async function loadAll() {
    if (loading) {
      loading = false;
      return;
    }
    loading = true;
    try {
      while (loading && conversation.view.more) {
        draw();
        await conversation.older();
      }
    } catch {
      // The line says how far it came, and the button is there to go on.
    }
    loading = false;
    search();
    if (at === null) go(-1);
    draw();
  }

  function close() {
    loading = false;
    searched = field.value = "";
    found = [];
    at = null;
    log.find("");
    element.hidden = true;
    onClose();
  }

  field.addEventListener("input", () => {
    searched = field.value.trim();
    at = null;
    go(-1);
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || event.keyCode === 229 || event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? 1 : -1);
  });
  return {
    element,
    close,
    open() {
      element.hidden = false;
      field.focus();
      field.select();
      draw();
    },
    /** Messages have come. */
    update() {
      if (element.hidden) return;
      search();
      draw();
    },
  };
}
