/** One row of a log as an element: built once, then touched only where it differs. */
import { h, icon, setText } from "./dom.js";
import { isLong, textNodes } from "./text.js";
import { clock, exact } from "./times.js";

const ICONS = { sending: "wait", stored: "check", read: "checks", failed: "alert" };

/**
 * @typedef {object} Context
 * @property {import("./words.js").Words} words
 * @property {(id: string) => void} onRetry
 * @property {(id: string) => void} onDiscard
 * @property {(element: HTMLElement) => void} onFold after a long message was folded or unfolded
 */

const KINDS = { message: bubble, system };

/**
 * @param {import("./rows.js").Row} row
 * @param {Context} context
 * @returns {{ element: HTMLElement, row: import("./rows.js").Row,
 *   update(row: import("./rows.js").Row): void, dated(): void }}
 */
export function createRow(row, context) {
  const made = (KINDS[row.kind] ?? divider)(row, context);
  return {
    ...made,
    row,
    /** The exact time, for who rests the pointer there: writing it for each row would cost more than the row. */
    dated() {
      made.element.title ||= exact(this.row.at, context.words.lang);
    },
    update(next) {
      if (Object.keys(next).some((name) => next[name] !== this.row[name])) made.change?.(next);
      this.row = next;
    },
  };
}

function divider(row, { words }) {
  const { lang } = words;
  const says = ({ kind, label, at }) => kind === "day" ? `${label} ${clock(at, lang)}` : words.say(`chat.${kind}`);
  const text = h("span", null, says(row));
  const element = h("div", { class: "k-divider", "data-kind": row.kind }, text);
  return { element, change: (next) => setText(text, says(next)) };
}

function system({ seq, text }) {
  const body = h("div", { class: "k-text", dir: "auto" }, textNodes(text));
  return { element: h("div", { class: "k-system", "data-seq": seq }, body) };
}

function bubble(row, context) {
  const { words } = context;
  const text = h("div", { class: "k-text", dir: "auto" }, textNodes(row.text));
  const box = h("div", { class: "k-bubble" }, text);
  const line = h("div", { class: "k-line" }, box);
  const element = h("div", { class: row.own ? "k-row k-own" : "k-row" }, line);
  let [meta, state, fail] = [];

  function change(next) {
    element.classList.toggle("k-head", next.head);
    if (next.seq) element.dataset.seq = next.seq;
    meta = replace(meta, header(next, words), (made) => line.before(made));
    state = replace(state, stateOf(next, words), (made) => line.append(made));
    fail = replace(fail, failure(next, context), (made) => line.after(made));
  }

  change(row);
  if (isLong(row.text)) fold(element, box, context);
  return { element, change };
}

function replace(old, made, put) {
  old?.remove();
  if (made) put(made);
  return made;
}

/** Who and when, at the head of a group; elsewhere who, for those who hear the log. */
function header({ own, head, timed, name, sender, at }, words) {
  const says = words.say("chat.says", { name: own && !name ? words.say("chat.you") : sender });
  const heard = h("span", { class: "k-hidden" }, says);
  if (!head || !(name || timed)) return heard;
  const who = name ? h("b", { dir: "auto", title: name }, name) : heard;
  return h("div", { class: "k-meta" }, who, timed && h("time", null, clock(at, words.lang)));
}

function stateOf({ state }, words) {
  if (!state) return null;
  const says = words.say(`chat.${state}`);
  const named = { role: "img", "aria-label": says, title: says };
  return h("span", { class: "k-state", "data-state": state, ...named }, icon(ICONS[state]));
}

function failure({ state, code, id }, { words, onRetry, onDiscard }) {
  if (state !== "failed") return null;
  const retry = words.say(code === "not_claimer" ? "chat.retry_not_claimer" : "chat.retry");
  const discard = words.say("chat.discard");
  const named = { "aria-label": discard, title: discard };
  return h("div", { class: "k-fail" },
    h("button", { class: "k-plain", type: "button", onclick: () => onRetry(id) }, retry),
    h("button", { class: "k-plain k-round", type: "button", ...named, onclick: () => onDiscard(id) }, icon("bin")));
}

function fold(element, box, { words, onFold }) {
  const flip = () => turn(!element.classList.contains("k-folded"));
  const button = h("button", { class: "k-plain k-more", type: "button", onclick: flip });
  const turn = (folded) => {
    element.classList.toggle("k-folded", folded);
    button.setAttribute("aria-expanded", String(!folded));
    setText(button, words.say(folded ? "chat.show_all" : "chat.fold"));
    onFold(element);
  };
  box.append(button);
  turn(true);
}
