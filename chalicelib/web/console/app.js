/** From nothing to a console: the words, who is signed in, which store; and every way in which that can fail. */

import { h } from "../chat/dom.js";
import { adopt } from "../chat/theme.js";
import { loadWords } from "../chat/words.js";
import { connect } from "../lib/kefu.js";
import { ask } from "./dialog.js";
import { choice, door, noPost, refusal } from "./door.js";
import { createPreferences } from "./preferences.js";
import { createService, socketAddress } from "./service.js";
import { claims } from "./session.js";
import { createShell } from "./shell.js";
import { createSignIn } from "./signin.js";
import { storage } from "./storage.js";
import { sheets } from "./style.js";

const PASSING = ["unreachable", "unavailable", "rate_limited"];
const AGAIN_MS = 10_000;

/**
 * @typedef {object} Options
 * @property {string} base the service's own address, with a slash at its end
 * @property {Element} element
 * @property {() => Promise<string | null>} token
 * @property {string} [store]
 * @property {string} [lang]
 * @property {{ session: ReturnType<import("./session.js").createSession>, devTokens: string | null }} [page] where the
 *   console is the whole page: it signs in by itself, hears every key and sets the title
 */

/** @param {Options} options @returns {{ unmount(): void }} */
export function start({ base, element, token, store, lang, page }) {
  const host = h("div", { class: "kefu-console" });
  const root = host.attachShadow({ mode: "open" });
  const unfollow = adopt(root);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets()];
  element.append(host);
  const kept = storage("localStorage");
  const preferences = createPreferences(kept);
  const service = createService({ base, token });
  /** @type {import("../lib/kefu.d.ts").Client | null} */
  let client = null;
  /** @type {ReturnType<typeof createShell> | null} */
  let shell = null;
  /** @type {import("../chat/words.js").Words} */
  let words;
  let ended = false;
  let attempt = 0;
  let signingIn = false;
  let again = 0;

  // On our own page the agent and the browser say which language, on another's that page.
  const around = page ? [] : [document.documentElement.lang].filter(Boolean);
  const wantedLang = () => lang ?? (page && preferences.current.lang) ?? [...around, ...navigator.languages];
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);

  function show(/** @type {any[]} */ ...children) {
    shell?.destroy();
    shell = null;
    root.replaceChildren(door(words, children, page && !lang ? (next) => preferences.set({ lang: next }) : null));
  }

  function hangUp() {
    shell?.destroy();
    shell = null;
    const live = client;
    client = null;
    live?.close();
  }

  async function begin() {
    const mine = ++attempt;
    clearTimeout(again);
    hangUp();
    // A file of words that does not come must not take the console with it.
    const loaded = await loadWords(wantedLang()).catch(() => loadWords("en"));
    // On another's page the way of writing is that page's, whatever its language.
    words = page
      ? loaded
      : Object.freeze({ ...loaded, dir: getComputedStyle(host).direction === "rtl" ? "rtl" : "ltr" });
    if (mine !== attempt || ended) return;
    if (page) {
      Object.assign(document.documentElement, { lang: words.lang, dir: words.dir });
      document.title = say("title");
    }
    if (page && !page.session.credential) return signIn();
    show(h("p", { class: "muted", role: "status" }, say("loading")));
    try {
      const [{ socket }, posts, bearer] = await Promise.all([service.settings(), service.stores(), token()]);
      if (mine !== attempt || ended) return;
      arrive(socket, posts, claims(bearer ?? "")?.sub ?? "");
    } catch (error) {
      const { code } = /** @type {any} */ (error);
      if (!code) console.error(error);
      if (mine === attempt && !ended) refuse(code ?? "internal");
    }
  }

  function refuse(/** @type {string} */ code) {
    if (page && (code === "signed out" || code === "unauthorized")) {
      page.session.signOut();
      return signIn(code === "unauthorized" ? "refused" : "expired");
    }
    show(refusal(words, code, begin, page ? signOut : null));
    // What goes away by itself needs nobody to press.
    if (PASSING.includes(code)) again = window.setTimeout(begin, AGAIN_MS);
  }

  function signIn(/** @type {string | null} */ why = null) {
    const form = createSignIn({
      words,
      devTokens: page?.devTokens ?? null,
      why,
      onSignIn(credential) {
        page?.session.signIn(credential);
        begin();
      },
    });
    show(form.element);
    form.focus();
  }

  function signOut() {
    page?.session.signOut();
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    begin();
  }

  function arrive(
    /** @type {string} */ socket,
    /** @type {import("./service.js").Post[]} */ posts,
    /** @type {string} */ user,
  ) {
    const key = `kefu.console.store.${user}`;
    const wanted = store ?? kept.getItem(key);
    const post = posts.find((each) => each.store === wanted) ?? (posts.length === 1 && !store ? posts[0] : null);
    const enter = (/** @type {import("./service.js").Post} */ chosen) => {
      kept.setItem(key, chosen.store);
      client ??= connectAs(user, socket);
      open(client, posts, chosen, user);
    };
    if (post) return enter(post);
    show(posts.length === 0 || store ? noPost(words, user, store, page ? signOut : null) : choice(words, posts, enter));
    root.querySelector("button")?.focus();
  }

  function connectAs(/** @type {string} */ user, /** @type {string} */ socket) {
    const live = connect({ url: socketAddress(socket, base), token });
    live.on("status", ({ reason }) => {
      if (live !== client) return;
      // Whoever has signed in on the page around has a desk of their own, and nothing of this one.
      if (live.user !== null && live.user !== user) begin();
      else if (reason === "signed out") signInAgain(live, user);
    });
    return live;
  }

  function open(
    /** @type {import("../lib/kefu.d.ts").Client} */ live,
    /** @type {import("./service.js").Post[]} */ posts,
    /** @type {import("./service.js").Post} */ post,
    /** @type {string} */ user,
  ) {
    const switched = shell !== null;
    shell?.destroy();
    shell = createShell({
      client: live,
      service,
      words,
      preferences,
      posts,
      post,
      user,
      store: kept,
      ownLanguage: Boolean(page) && !lang,
      keysOn: page ? document : root,
      title: page ? (text) => (document.title = text) : null,
      onPost(next) {
        kept.setItem(`kefu.console.store.${user}`, next.store);
        open(live, posts, next, user);
      },
      onSignOut: page ? signOut : null,
      onRetry: () => (live.status.reason === "signed out" && page ? signInAgain(live, user) : live.wake()),
    });
    root.replaceChildren(shell.element);
    // At the beginning the page is left as it is: the keys are heard without a focus.
    if (switched) shell.focus();
  }

  /** The token has expired: sign in over the desk, which stays as it is. */
  async function signInAgain(/** @type {import("../lib/kefu.d.ts").Client} */ live, /** @type {string} */ user) {
    const room = root.querySelector(".room");
    if (signingIn || !page || !room || live !== client) return;
    signingIn = true;
    /** @type {import("./session.js").Credential | undefined} */
    const credential = await ask({
      room,
      words,
      title: say("sign_in_again"),
      build: (answer) => [createSignIn({ words, devTokens: page.devTokens, why: "expired", onSignIn: answer }).element],
    });
    signingIn = false;
    if (!credential) return;
    page.session.signIn(credential);
    const next = "token" in credential ? claims(credential.token)?.sub : credential.demo;
    // Somebody else has another desk.
    if (next !== user) begin();
    else live.wake();
  }

  let lastLang = preferences.current.lang;
  const dress = () => {
    const { theme, lang: next } = preferences.current;
    if (theme === "system") delete host.dataset.theme;
    else host.dataset.theme = theme;
    if (next === lastLang) return;
    lastLang = next;
    begin();
  };
  const unsubscribe = preferences.subscribe(dress);
  dress();
  begin();

  return {
    unmount() {
      ended = true;
      clearTimeout(again);
      unsubscribe();
      hangUp();
      unfollow();
      host.remove();
    },
  };
}
