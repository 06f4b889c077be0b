/** One row of the list: name and clock, last words and what is unread. */

import { h, setText } from "../chat/dom.js";
import { elapsed, exact, moment } from "../chat/times.js";
import { belongs } from "./queue.js";
import { level, waited } from "./waits.js";

export const ROW_PX = 64;
/** Beside the colour, so that nobody needs to see it. */
export const SHAPES = { calm: "", long: "▲", late: "◆" };

/** A number of unread messages: short for the eye, in words for the ear. */
export function createBadge(/** @type {import("../chat/words.js").Words} */ words) {
  const number = h("span", { "aria-hidden": "true" });
  const spoken = h("span", { class: "k-hidden" });
  const element = h("span", { class: "unread" }, number, spoken);
  return {
    element,
    show(/** @type {number} */ n) {
      element.hidden = n === 0;
      setText(number, n > 99 ? "99+" : n ? words.say("console.number", { n }) : "");
      setText(spoken, n ? words.say("console.unread", { n }) : "");
    },
  };
}

/**
 * @param {{ words: import("../chat/words.js").Words, user: string,
 *   thresholds: () => import("./preferences.js").Preferences }} parts
 */
export function createRow({ words, user, thresholds }) {
  const name = h("span", { class: "row-name", dir: "auto" });
  const shape = h("span", { class: "shape", "aria-hidden": "true" });
  const waits = h("span", { class: "k-hidden" });
  const time = h("span", { class: "number" });
  const tag = h("span", { class: "row-tag", dir: "auto" });
  const when = h("span", { class: "row-when" }, tag, shape, waits, time);
  const last = h("span", { class: "row-last", dir: "auto" });
  const unread = createBadge(words);
  const element = h(
    "div",
    { class: "row", role: "option" },
    h("span", { class: "row-line" }, name, when),
    h("span", { class: "row-line" }, last, unread.element),
  );
  /** @type {import("./queue.js").ConversationObject} */
  let object;
  /** @type {import("./queue.js").List} */
  let list;

  function tick(/** @type {number} */ now) {
    const wait = waited(object, now);
    const grade = level(wait, thresholds());
    when.dataset.level = grade;
    setText(shape, SHAPES[grade]);
    setText(waits, wait === null ? "" : words.say(`console.waits.${grade}`));
    const at = object.last?.at ?? null;
    setText(time, wait !== null ? elapsed(wait) : at === null ? "" : moment(at, now, words.lang, words));
    when.title = wait !== null ? words.say(`console.waits.${grade}`) : at === null ? "" : exact(at, words.lang);
  }

  return {
    element,
    tick,
    /**
     * @param {{ object: typeof object, list: typeof list, now: number, index: number, count: number,
     *   current: boolean, active: boolean }} state
     */
    show(state) {
      ({ object, list } = state);
      element.id = `row-${object.conversation}`;
      element.dataset.conversation = object.conversation;
      element.setAttribute("aria-selected", String(state.current));
      element.setAttribute("aria-posinset", String(state.index + 1));
      element.setAttribute("aria-setsize", String(state.count));
      element.style.setProperty("inset-block-start", `${state.index * ROW_PX}px`);
      element.classList.toggle("active", state.active);
      element.classList.toggle("gone", !belongs(list, object, user));
      setText(name, object.customer.name);
      name.title = object.customer.name;
      setText(tag, list === "all" ? standing(object, words) : "");
      setText(last, lastWords(object, list, user, words));
      unread.show(object.unread);
      tick(state.now);
    },
  };
}

/** In the list of all: who serves, or that it is closed; who waits has a clock. */
function standing(
  /** @type {import("./queue.js").ConversationObject} */ object,
  /** @type {import("../chat/words.js").Words} */ words,
) {
  return object.status === "closed" ? words.say("console.closed") : (object.agent?.name ?? "");
}

/** What stands in the second line: who has taken it, where that is news in this list, else who said what. */
function lastWords(
  /** @type {import("./queue.js").ConversationObject} */ object,
  /** @type {string} */ list,
  /** @type {string} */ user,
  /** @type {import("../chat/words.js").Words} */ words,
) {
  if (!belongs(/** @type {any} */ (list), object, user)) {
    if (object.status === "closed") return words.say("console.closed");
    return object.agent ? words.say("console.serving", { name: object.agent.name }) : words.say("console.waiting");
  }
  if (!object.last) return "";
  const { from, body } = object.last;
  // A long text is cut by the layout; here only so that a row never holds four thousand characters.
  const text = [...body.text.slice(0, 400).replace(/\s+/g, " ")].slice(0, 160).join("");
  if (from.side === "customer") return text;
  return words.say("console.said", { name: from.user === user ? words.say("console.you") : from.name, text });
}
