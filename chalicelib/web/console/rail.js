/** The rail: which store, who one is, and what concerns the console itself. */

import { h, icon, setText } from "../chat/dom.js";
import { glyph } from "./glyph.js";

/** A first character that is one for the reader, whatever it is made of: as far as the browser can tell. */
export function initial(/** @type {string} */ name, /** @type {string} */ lang) {
  const text = name.trim();
  // Firefox has no segmenter before 125.
  const [first = ""] = Intl.Segmenter ? [...new Intl.Segmenter(lang).segment(text)].map((each) => each.segment) : text;
  return first.toLocaleUpperCase(lang);
}

/**
 * @param {{ words: import("../chat/words.js").Words, post: import("./service.js").Post,
 *   posts: import("./service.js").Post[],
 *   onPost: (post: import("./service.js").Post) => void, onSettings: () => void, onKeys: () => void,
 *   onSignOut: (() => void) | null }} parts
 */
export function createRail({ words, post, posts, onPost, onSettings, onKeys, onSignOut }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const round = (/** @type {Node} */ picture, /** @type {string} */ word, /** @type {() => void} */ onclick) =>
    h(
      "button",
      { type: "button", class: "k-plain k-round", "aria-label": say(word), title: say(word), onclick },
      picture,
    );
  const mark = h("span", { class: "mark", "aria-hidden": "true" }, initial(post.name, words.lang));
  const title = h("span", { class: "rail-store", dir: "auto", title: post.name }, post.name);

  function choice(/** @type {import("./service.js").Post} */ each) {
    return h(
      "button",
      {
        type: "button",
        role: "menuitemradio",
        class: "choice",
        tabIndex: -1,
        "data-store": each.store,
        "aria-checked": String(each.store === post.store),
        onclick: () => {
          turn(false);
          onPost(each);
        },
      },
      h("span", { class: "choice-name", dir: "auto" }, each.name),
      each.store === post.store ? icon("check") : null,
    );
  }

  // Firefox has no popovers before 125, Safari none before 17: there it is shown and hidden by hand.
  const pops = "popover" in HTMLElement.prototype;
  const menu = h("div", {
    class: "menu",
    role: "menu",
    id: "stores",
    "aria-label": say("stores"),
    popover: pops ? "auto" : null,
    hidden: !pops,
  });
  menu.append(...posts.map(choice));
  const open = h(
    "button",
    {
      type: "button",
      class: "k-plain rail-open",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      popoverTargetElement: pops ? menu : null,
      onclick: pops ? null : () => turn(menu.hidden),
      title: post.name,
    },
    mark,
    h("span", { class: "k-hidden" }, say("choose_store")),
    title,
    icon("chevron"),
  );
  menu.addEventListener("toggle", (/** @type {any} */ event) => turned(event.newState === "open"));
  if (!pops) menu.addEventListener("focusout", leave);

  function turn(/** @type {boolean} */ shown) {
    if (pops) return menu.togglePopover(shown);
    menu.hidden = !shown;
    turned(shown);
  }

  function leave(/** @type {FocusEvent} */ { relatedTarget }) {
    if (relatedTarget !== open && !menu.contains(/** @type {Node | null} */ (relatedTarget))) turn(false);
  }

  function turned(/** @type {boolean} */ shown) {
    open.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    const box = open.getBoundingClientRect();
    menu.style.setProperty("inset-block-start", `${box.bottom + 4}px`);
    menu.style.setProperty("inset-inline-start", `${words.dir === "rtl" ? innerWidth - box.right : box.left}px`);
    menu.querySelector("[aria-checked=true]")?.focus();
  }
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!pops && event.key === "Escape") {
      event.preventDefault();
      turn(false);
      open.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...menu.children];
    const at = all.indexOf(/** @type {ShadowRoot} */ (menu.getRootNode()).activeElement);
    all[(at + step + all.length) % all.length].focus();
  });

  const name = h("span", { class: "me-name", dir: "auto" });
  const me = h("div", { class: "me" }, name, h("span", { class: "muted" }, say(`role.${post.role}`)));
  const element = h(
    "header",
    { class: "rail" },
    posts.length > 1 ? open : h("div", { class: "rail-open", title: post.name }, mark, title),
    posts.length > 1 ? menu : null,
    h("span", { class: "rail-space" }),
    round(glyph("keys"), "keys", onKeys),
    round(glyph("settings"), "settings", onSettings),
    onSignOut ? round(glyph("leave"), "sign_out", onSignOut) : null,
    me,
  );
  return {
    element,
    show(/** @type {string} */ called) {
      setText(name, called);
      me.title = `${called} · ${say(`role.${post.role}`)}`;
    },
  };
}
