/** What stands under the log where the agent does not write: one thing to do, or who serves. */

import { append, h, setText } from "../chat/dom.js";
import { elapsed } from "../chat/times.js";
import { SHAPES } from "./row.js";
import { level, waited } from "./waits.js";

/**
 * @param {{ desk: import("./desk.js").Desk, id: string, words: import("../chat/words.js").Words,
 *   thresholds: () => import("./preferences.js").Preferences, deeds: import("./doing.js").Doing }} parts
 */
export function createBar({ desk, id, words, thresholds, deeds }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const text = h("p", { class: "bar-text", dir: "auto" });
  const shape = h("span", { class: "shape", "aria-hidden": "true" });
  const time = h("span", { class: "number" });
  const clock = h("p", { class: "bar-text bar-clock" });
  const buttons = h("div", { class: "bar-buttons" });
  const element = h("div", { class: "bar", role: "group", "aria-label": say("bar") }, clock, text, buttons);
  let drawn = "";

  const button = (
    /** @type {string} */ word,
    /** @type {string} */ kind,
    /** @type {() => void} */ onclick,
    busy = false,
  ) =>
    h("button", { type: "button", class: `action ${kind}`, onclick, "aria-disabled": busy ? "true" : null }, say(word));

  /** @returns {[string, ...HTMLElement[]]} the words and the buttons */
  function content(/** @type {import("./queue.js").ConversationObject} */ object, /** @type {boolean} */ watched) {
    const may = desk.deeds(id);
    if (object.customer.user === desk.user) return [say("own")];
    if (may.has("claim")) {
      const busy = desk.asking(id, "claim");
      const word = busy ? "claiming" : object.status === "closed" ? "open_again" : "claim";
      return [object.status === "closed" ? say("is_closed") : "", button(word, "primary", () => deeds.claim(id), busy)];
    }
    const name = object.agent?.name ?? "";
    const watch = button(watched ? "unwatch" : "watch", "", () => deeds.watch(id), desk.asking(id, "watch"));
    const over = may.has("takeOver")
      ? [button("take_over", "", () => deeds.takeOver(id), desk.asking(id, "claim"))]
      : [];
    return [say(watched ? "serving_live" : "serving", { name }), watch, ...over];
  }

  function tick(/** @type {number} */ now) {
    const object = desk.object(id);
    const wait = object && waited(object, now);
    clock.hidden = wait === null;
    if (wait === null) return;
    const grade = level(wait, thresholds());
    clock.dataset.level = grade;
    setText(shape, SHAPES[grade]);
    setText(time, say("waiting_for", { time: elapsed(wait) }));
  }
  append(clock, [shape, time]);

  return {
    element,
    tick,
    /** The first thing to do here, for the focus. @returns {HTMLElement | null} */
    get first() {
      return buttons.querySelector("button");
    },
    show(/** @type {boolean} */ watched) {
      const object = desk.object(id);
      element.hidden = !object;
      if (!object) return;
      const asking = ["claim", "watch"].filter((deed) => desk.asking(id, deed));
      const key = JSON.stringify([object.status, object.agent, watched, [...desk.deeds(id)], asking]);
      tick(desk.client.now());
      if (key === drawn) return;
      drawn = key;
      const [line, ...made] = content(object, watched);
      const focused = buttons.contains(/** @type {Document} */ (element.getRootNode()).activeElement);
      text.hidden = line === "";
      setText(text, line);
      buttons.replaceChildren(...made);
      // The button that had the focus has turned into something else in place.
      if (focused) this.first?.focus();
    },
  };
}
