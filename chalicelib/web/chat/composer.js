/** Where one writes. */
import { h, icon, setText } from "./dom.js";

const LIMIT = 4000;
const QUIET = 200;

/** Messages are counted in code points, as the service counts them. */
export const length = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/**
 * What would be sent: without the blanks behind it, and without halves of characters, which no frame can carry.
 * @param {string} text
 * @returns {string} empty where there is nothing to send
 */
export const sendable = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd").trimEnd();

/**
 * @typedef {object} ComposerOptions
 * @property {import("./words.js").Words} words
 * @property {(text: string) => void | Promise<unknown>} onSend where this fails, the text comes back
 * @property {(on: boolean) => void} [onTyping]
 * @property {{ load(): string | null | Promise<string | null>, save(text: string): void }} [draft]
 */

/**
 * @param {ComposerOptions} options
 */
export function createComposer({ words, onSend, onTyping = () => {}, draft }) {
  const count = h("div", { class: "k-count", hidden: true, role: "status" });
  const [message, go] = [words.say("chat.message"), words.say("chat.send")];
  const input = h("textarea", {
    rows: 1, "aria-label": message, placeholder: message, enterKeyHint: "send",
    oninput: typed, onkeydown: key, onblur: () => onTyping(false),
    oncompositionend: ({ timeStamp }) => { composed = timeStamp; },
  });
  const send = h("button", {
    class: "k-plain k-round k-send", type: "button", disabled: true, "aria-label": go, title: go, onclick: submit,
  }, icon("send"));
  // A tap on the button must not take the focus, or a phone would drop its keyboard.
  send.addEventListener("pointerdown", (event) => event.preventDefault());
  const name = words.say("chat.emoji");
  const smile = h("button", {
    class: "k-plain k-round", type: "button", "aria-label": name, title: name, "aria-expanded": "false", onclick: pick,
  }, icon("smile"));
  const element = h("div", { class: "k-composer" }, count, smile, input, send);
  const grows = CSS.supports("field-sizing", "content");
  let composed = -Infinity;
  let enabled = true;
  let touched = false;
  /** @type {ReturnType<typeof import("./emoji.js").createEmoji> | undefined} */ let emoji;

  function fit() {
    const left = input.value.length > LIMIT - QUIET ? LIMIT - length(sendable(input.value)) : LIMIT;
    count.hidden = left > QUIET;
    count.toggleAttribute("data-over", left < 0);
    setText(count, left > QUIET ? "" : words.say(left < 0 ? "chat.over" : "chat.left", { n: Math.abs(left) }));
    input.setAttribute("aria-invalid", String(left < 0));
    // An empty one has the page's direction, as its placeholder has.
    input.dir = input.value ? "auto" : "";
    send.disabled = !enabled || left < 0 || !input.value.trim();
    if (!grows) {
      input.style.blockSize = "auto";
      input.style.blockSize = `${input.scrollHeight + 2}px`;
    }
  }

  function typed() {
    touched = true;
    fit();
    draft?.save(input.value);
    onTyping(Boolean(input.value.trim()));
  }

  function key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    // 229: a key that an input method has taken. Safari tells of the Enter that ends a composition after its end.
    if (event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50) return;
    event.preventDefault();
    submit();
  }

  async function submit() {
    if (send.disabled) return;
    const text = sendable(input.value);
    put("");
    onTyping(false);
    try {
      await onSend(text);
    } catch {
      // It was taken nowhere, so it stays here, before what was begun meanwhile.
      put(text + (input.value && `\n${input.value}`));
      count.hidden = false;
      setText(count, words.say("chat.failed"));
    }
    // Only now is it kept elsewhere.
    draft?.save(input.value);
  }

  function put(text) {
    input.value = text;
    fit();
  }

  async function pick() {
    if (emoji) return emoji.toggle();
    try {
      // Most never need it. By this name it is found from wherever this module was joined into.
      const { createEmoji } = await import("../chat/emoji.js");
      emoji ??= createEmoji({ h, button: smile, onPick: insert, onLeave: () => input.focus() });
    } catch {
      count.hidden = false;
      setText(count, words.say("chat.unreachable"));
    }
    // Whoever went on writing while it came does not want it any more.
    if (!input.matches(":focus")) emoji?.toggle();
  }

  function insert(text) {
    input.focus();
    input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
    typed();
  }

  function setDraft(text) {
    touched = true;
    put(text);
    draft?.save(text);
  }

  /** What the reader has begun to write meanwhile is worth more than what was kept. */
  async function restore() {
    const text = await draft?.load();
    if (text && !touched) put(text);
  }
  restore();

  return {
    element,
    focus: () => input.focus({ preventScroll: true }),
    setDraft,
    /** @param {{ enabled?: boolean, placeholder?: string }} state */
    setState({ enabled: on = enabled, placeholder = input.placeholder }) {
      enabled = on;
      input.disabled = smile.disabled = !on;
      input.placeholder = placeholder;
      if (!on) emoji?.close();
      fit();
    },
  };
}
