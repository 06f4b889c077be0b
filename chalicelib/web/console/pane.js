/** One open conversation: its head, the log, and under it the composer or what there is to do instead. */

import { createComposer } from "../chat/composer.js";
import { h, icon, setText } from "../chat/dom.js";
import { createLog } from "../chat/log.js";
import { createBar } from "./bar.js";
import { createCustomer } from "./customer.js";
import { createFind } from "./find.js";
import { isField } from "./keys.js";
import { visitBefore } from "./visits.js";

/**
 * @param {{ desk: import("./desk.js").Desk, id: string, words: import("../chat/words.js").Words,
 *   thresholds: () => import("./preferences.js").Preferences, drafts: ReturnType<import("./drafts.js").createDrafts>,
 *   doing: import("./doing.js").Doing, onBack: () => void }} parts
 */
export function createPane({ desk, id, words, thresholds, drafts, doing, onBack }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const conversation = desk.client.conversation(id);
  const draft = drafts.of(id);
  const name = h("h2", { class: "pane-name", dir: "auto" });
  const about = h("p", { class: "pane-about muted", dir: "auto" });
  const actions = h("div", { class: "pane-actions" });
  const round = (
    /** @type {any} */ picture,
    /** @type {string} */ word,
    /** @type {string} */ kind,
    /** @type {() => void} */ onclick,
  ) =>
    h(
      "button",
      { type: "button", class: `k-plain k-round ${kind}`, "aria-label": say(word), title: say(word), onclick },
      icon(picture),
    );
  const info = round("person", "show_customer", "customer-open", () => unfold(true));
  const head = h(
    "header",
    { class: "pane-head" },
    round("back", "back", "pane-back", onBack),
    h("div", { class: "pane-title" }, name, about),
    actions,
    round("search", "find", "", () => find.open()),
    info,
  );
  const log = createLog({
    words,
    visits: true,
    user: desk.user,
    empty: say("no_messages"),
    now: () => desk.client.now(),
    onOlder: () => conversation.older(),
    onRetry: (each) => conversation.retry(each),
    async onDiscard(each) {
      const text = await conversation.discard(each);
      if (text && !draft.load()) composer.setDraft(text);
    },
    onSeen(seq) {
      seen = Math.max(seen, seq);
      read();
    },
  });
  const composer = createComposer({
    words,
    draft,
    onSend: (text) => conversation.send(text),
    onTyping: (on) => conversation.typing(on),
  });
  const bar = createBar({ desk, id, words, thresholds, deeds: doing });
  const find = createFind({ words, conversation, log, onClose: () => log.focus() });
  const customer = createCustomer({ desk, id, words, onVisit: previousVisit, onClose: () => unfold(false) });
  const refusal = h("p", null);
  const refused = h(
    "div",
    { class: "refusal", role: "alert", hidden: true },
    refusal,
    h(
      "button",
      { type: "button", class: "k-plain k-round small", "aria-label": say("dismiss"), onclick: () => desk.forget(id) },
      icon("close"),
    ),
  );
  const element = h(
    "section",
    { class: "pane", "aria-label": say("conversation") },
    head,
    h("div", { class: "pane-talk" }, find.element, log.element, refused, bar.element, composer.element),
    customer.element,
  );
  let seen = 0;
  let current = false;
  let gone = false;
  let walking = false;
  let drawnActions = "";

  const mine = () => desk.deeds(id).has("write");

  // Who only looks on reads for nobody: the mark is the store's, and the customer sees it.
  function read() {
    if (current && seen > 0 && mine() && document.hasFocus()) conversation.read(seen);
  }

  function unfold(/** @type {boolean} */ open) {
    element.classList.toggle("unfolded", open);
    if (open) customer.element.querySelector("button")?.focus();
    else info.focus();
  }

  function drawActions() {
    const may = desk.deeds(id);
    const shown = /** @type {const} */ (["transfer", "release", "close"]).filter((deed) => may.has(deed));
    const key = JSON.stringify(shown.map((deed) => [deed, desk.asking(id, deed)]));
    if (key === drawnActions) return;
    drawnActions = key;
    actions.replaceChildren(
      ...shown.map((deed) =>
        h(
          "button",
          {
            type: "button",
            class: "action",
            "data-deed": deed,
            title: say("shortcut", { name: say(deed), keys: { transfer: "t", release: "r", close: "e" }[deed] }),
            "aria-disabled": desk.asking(id, deed) ? "true" : null,
            onclick: () => doing[deed](id),
          },
          say(deed),
        ),
      ),
    );
  }

  function show() {
    if (gone) return;
    const { view } = conversation;
    const object = desk.object(id);
    setText(name, object?.customer.name ?? id.slice(id.indexOf(":") + 1));
    name.title = name.textContent;
    setText(about, say("customer_id", { id: object?.customer.user ?? id.slice(id.indexOf(":") + 1) }));
    const writes = mine();
    const left = composer.element.contains(/** @type {any} */ (element.getRootNode()).activeElement);
    composer.element.hidden = !writes;
    if (writes) bar.element.hidden = true;
    else bar.show(view.watched);
    composer.setState({ enabled: writes, placeholder: say("placeholder") });
    if (left && !writes) (bar.first ?? log).focus();
    drawActions();
    const why = desk.refusal(id);
    refused.hidden = !why;
    if (why) setText(refusal, say(KNOWN.has(why.code) ? `refused.${why.code}` : "refused.other"));
    log.show(view);
    customer.show(view);
    find.update();
    read();
  }

  async function previousVisit() {
    if (walking) return;
    walking = true;
    const newest = conversation.view.messages.at(-1)?.visit ?? 1;
    const from = Math.min(customer.shown, newest);
    try {
      for (;;) {
        const { messages, more } = conversation.view;
        const found = visitBefore(messages, more, from);
        if (found) {
          customer.shown = found.visit;
          log.reveal(found.seq);
        }
        if (found !== null || gone) break;
        customer.progress = say("loaded", { n: messages.length });
        await conversation.older();
      }
      customer.progress = "";
    } catch {
      customer.progress = say("older_failed");
    }
    walking = false;
    show();
  }

  const ends = [conversation.subscribe(show), desk.subscribe(show)];
  show();
  return {
    element,
    conversation,
    find,
    previousVisit,
    tick: bar.tick,
    /** Whether this is the one that is seen. */
    set current(/** @type {boolean} */ on) {
      current = on;
      element.hidden = !on;
      read();
    },
    read,
    focus() {
      if (mine()) composer.focus();
      else log.focus();
    },
    write: () => mine() && composer.focus(),
    /** Escape: what lies over the conversation goes first; true where something did. */
    back() {
      if (!find.element.hidden) find.close();
      else if (element.classList.contains("unfolded")) unfold(false);
      else return false;
      return true;
    },
    /** A deed is done: write at once, or stand where the deed was. */
    settle() {
      const root = /** @type {ShadowRoot} */ (element.getRootNode());
      const focused = root.activeElement;
      // Whoever writes elsewhere by now is not to go on writing to the customer.
      if (isField(focused)) return;
      if (mine() && current) composer.focus();
      else if (!focused || actions.contains(focused)) (bar.first ?? log).focus();
    },
    destroy() {
      gone = true;
      for (const each of ends) each();
      if (conversation.view.watched) conversation.watch(false).catch(() => {});
      log.destroy();
      element.remove();
    },
  };
}

const KNOWN = new Set([
  "offline",
  "forbidden",
  "not_found",
  "not_claimer",
  "bad_request",
  "rate_limited",
  "unavailable",
]);
