/** What stands at the door: why one cannot come in, or which store it shall be. */

import { h } from "../chat/dom.js";
import { languages } from "../chat/words.js";
import { nameOf } from "./asides.js";

/** @typedef {import("../chat/words.js").Words} Words */
/** @typedef {import("./service.js").Post} Post */

const KNOWN = ["signed out", "unauthorized", "forbidden", "unreachable", "unavailable", "rate_limited"];

/** The page at the door; `onLanguage` is null where the language is not the agent's to choose. */
export function door(
  /** @type {Words} */ words,
  /** @type {any[]} */ children,
  /** @type {((lang: string) => void) | null} */ onLanguage,
) {
  const choose = (/** @type {string} */ each) =>
    h(
      "button",
      {
        type: "button",
        class: "k-plain k-link",
        lang: each,
        "aria-current": each === words.lang ? "true" : null,
        onclick: () => onLanguage?.(each),
      },
      nameOf(each),
    );
  return h(
    "div",
    { class: "door", lang: words.lang, dir: words.dir },
    h("main", { class: "door-box" }, h("h1", null, words.say("console.title")), children),
    onLanguage ? h("p", { class: "languages" }, languages.map(choose)) : null,
  );
}

/** Why the service did not answer as it should, and what to do. */
export function refusal(
  /** @type {Words} */ words,
  /** @type {string} */ code,
  /** @type {() => void} */ onRetry,
  /** @type {(() => void) | null} */ onSignOut,
) {
  return [
    h("p", { role: "alert" }, words.say(`console.door.${KNOWN.includes(code) ? code.replace(" ", "_") : "other"}`)),
    h(
      "div",
      { class: "bar-buttons" },
      h("button", { type: "button", class: "action primary", onclick: onRetry }, words.say("console.retry")),
      signOut(words, onSignOut),
    ),
  ];
}

/** Somebody who serves no store, or not the one that was asked for. */
export function noPost(
  /** @type {Words} */ words,
  /** @type {string} */ name,
  /** @type {string | undefined} */ store,
  /** @type {(() => void) | null} */ onSignOut,
) {
  const text = store ? words.say("console.no_post", { name, store }) : words.say("console.no_posts", { name });
  return [h("p", null, text), signOut(words, onSignOut)];
}

/** The stores to choose from. */
export function choice(
  /** @type {Words} */ words,
  /** @type {Post[]} */ posts,
  /** @type {(post: Post) => void} */ onPost,
) {
  const item = (/** @type {Post} */ each) =>
    h(
      "li",
      null,
      h(
        "button",
        { type: "button", class: "choice", "data-store": each.store, onclick: () => onPost(each) },
        h("span", { class: "choice-name", dir: "auto" }, each.name),
        h("span", { class: "muted" }, words.say(`console.role.${each.role}`)),
      ),
    );
  return [h("p", null, words.say("console.choose_store")), h("ul", null, posts.map(item))];
}

function signOut(/** @type {Words} */ words, /** @type {(() => void) | null} */ onSignOut) {
  return (
    onSignOut && h("button", { type: "button", class: "action", onclick: onSignOut }, words.say("console.sign_out"))
  );
}
