/** The column about the customer: who it is, how it stands, what has been read, earlier visits. */

import { h, setText } from "../chat/dom.js";
import { day, exact, moment } from "../chat/times.js";
import { visitBefore, visits } from "./visits.js";

/**
 * @param {{ desk: import("./desk.js").Desk, id: string, words: import("../chat/words.js").Words,
 *   onVisit: (visit: number) => void, onClose: () => void }} parts
 */
export function createCustomer({ desk, id, words, onVisit, onClose }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const name = h("h3", { class: "customer-name", dir: "auto" });
  const user = h("p", { class: "muted", dir: "auto" });
  const status = h("p", { dir: "auto" });
  const theirs = h("p", { dir: "auto" });
  const ours = h("p", { dir: "auto" });
  const list = h("ol", { class: "visits" });
  const earlier = h(
    "button",
    { type: "button", class: "action", onclick: () => onVisit(shown) },
    say("previous_visit"),
  );
  const line = h("p", { class: "muted", role: "status" });
  const steps = h("ol", { class: "steps" });
  const section = (/** @type {string} */ word, /** @type {any[]} */ ...children) =>
    h("section", null, h("h4", null, say(word)), ...children);
  const history = section("history", steps);
  const element = h(
    "aside",
    { class: "customer", "aria-label": say("customer") },
    h("button", { type: "button", class: "action customer-close", onclick: onClose }, say("hide_customer")),
    h("section", null, name, user),
    section("status", status),
    section("read_marks", theirs, ours),
    section("visits", list, earlier, line),
    history,
  );
  /** The visit that was last gone to, or the newest. */
  let shown = Infinity;
  let drawn = "";

  const when = (/** @type {number} */ at) => moment(at, desk.client.now(), words.lang, words);

  function readLine(
    /** @type {string} */ key,
    /** @type {import("../lib/kefu.d.ts").ConversationView} */ view,
    /** @type {number} */ seq,
    /** @type {number} */ last,
  ) {
    if (seq === 0) return say(`${key}_nothing`);
    if (seq >= last) return say(`${key}_all`);
    const message = view.messages.find((each) => each.seq === seq);
    if (!message) return say(`${key}_seq`, { n: seq });
    const text = [...message.body.text.replace(/\s+/g, " ")];
    return say(key, {
      text: text.length > 40 ? `${text.slice(0, 39).join("")}…` : text.join(""),
      time: when(message.at),
    });
  }

  function statusLine(/** @type {import("./queue.js").ConversationObject} */ object) {
    if (object.status === "closed") return say("closed");
    if (object.status === "waiting")
      return say("waiting_since", { time: when(object.waiting_since ?? desk.client.now()) });
    return object.agent?.user === desk.user ? say("serving_you") : say("serving", { name: object.agent?.name ?? "" });
  }

  return {
    element,
    /** A walk to an earlier visit: how far it has come, or that there is nothing more. */
    set progress(/** @type {string} */ text) {
      setText(line, text);
    },
    set shown(/** @type {number} */ visit) {
      shown = visit;
      drawn = "";
    },
    get shown() {
      return shown;
    },
    show(/** @type {import("../lib/kefu.d.ts").ConversationView} */ view) {
      const object = desk.object(id);
      const trail = desk.steps(id);
      const { messages, more } = view;
      const key = JSON.stringify([object, view.read, messages[0]?.seq, messages.length, more, trail.length, shown]);
      if (key === drawn) return;
      drawn = key;
      setText(name, object?.customer.name ?? "");
      setText(user, say("customer_id", { id: object?.customer.user ?? id.slice(id.indexOf(":") + 1) }));
      if (object) {
        setText(status, statusLine(object));
        const last = Math.max(object.last_seq, messages[messages.length - 1]?.seq ?? 0);
        setText(theirs, readLine("theirs", view, Math.max(view.read.customer, object.read.customer), last));
        setText(ours, readLine("ours", view, Math.max(view.read.store, object.read.store), last));
      }
      const found = visits(messages);
      const newest = found[found.length - 1]?.visit ?? 1;
      list.replaceChildren(
        ...found
          .slice(-8)
          .reverse()
          .map(({ visit, seq, at }, index) =>
            h(
              "li",
              { title: exact(at, words.lang), class: visit === Math.min(shown, newest) ? "current" : "" },
              say(index === 0 ? "this_visit" : "visit", { n: visit }),
              " ",
              // Of the oldest one the beginning may not be loaded.
              h(
                "span",
                { class: "muted number" },
                seq === 1 || visit !== found[0].visit || !more ? day(at, desk.client.now(), words.lang, words) : "",
              ),
            ),
          ),
      );
      earlier.disabled = visitBefore(messages, more, Math.min(shown, newest)) === undefined;
      history.hidden = trail.length === 0;
      steps.replaceChildren(
        ...[...trail]
          .reverse()
          .map(({ at, status: state, agent }) =>
            h(
              "li",
              { title: exact(at, words.lang) },
              h("span", { class: "muted number" }, when(at)),
              " ",
              agent
                ? say("step.claimed", { name: agent.user === desk.user ? say("you") : agent.name })
                : say(`step.${state}`),
            ),
          ),
      );
    },
  };
}
