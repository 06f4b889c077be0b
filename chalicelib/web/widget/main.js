/** The shopper's widget: a button and a panel on anybody's page, in a shadow root of its own. */
import { adopt } from "../chat/theme.js";
import { h } from "../chat/dom.js";
import { loadWords } from "../chat/words.js";
import { openMark, soundChoice } from "./kept.js";
import { languageOf, sideOf } from "./language.js";
import { createLauncher } from "./launcher.js";
import { createPanel } from "./panel.js";
import { join } from "./service.js";
import { createSession } from "./session.js";
import { listenForShortcut } from "./shortcut.js";
import { ring } from "./ringing.js";
import { unreadOf } from "./stage.js";
import { SMALL, sheet } from "./style.js";

// Another tab may show the message at this moment: it is given this time (ms) to say so before this one rings.
const RING_AFTER_MS = 400;

/** The page's widgets, in the order in which they came. */
const widgets = [];
let titles = /** @type {Promise<typeof import("./title.js")> | null} */ (null);

/**
 * @typedef {object} MountOptions
 * @property {string} store its id
 * @property {string} base where the service is; the loader fills it in
 * @property {() => Promise<string | null>} [token] asked at each connect; null: nobody is signed in
 * @property {string} [tokenUrl] answers `{"token": "…"}`, or 401 where nobody is signed in
 * @property {string} [signInUrl]
 * @property {string} [lang] else the page's, else the browser's
 * @property {"left" | "right"} [position]
 * @property {"load" | "open"} [connect]
 *
 * @typedef {object} Widget
 * @property {() => void} open
 * @property {() => void} close
 * @property {() => void} unmount
 */

/**
 * Put the chat with a store on this page.
 * @param {MountOptions} options
 * @returns {Widget}
 */
export function mount({ base, store, token, tokenUrl, signInUrl, lang, position, connect = "load" }) {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(store ?? "")) throw new TypeError(`kefu: "${store}" is no store's id.`);
  if (token && typeof token !== "function") throw new TypeError("kefu: `token` is a function that answers a token.");
  const page = document.documentElement;
  const pageDir = getComputedStyle(document.body ?? page).direction;
  const service = join(base, token ?? (tokenUrl ? new URL(tokenUrl, document.baseURI).href : null));
  const launcher = createLauncher({ onPress: toggle });
  const mark = openMark(store);
  let words = null;
  let panel = null;
  let wanted = null; // how it is to be opened once there are words
  let gone = false;
  const session = createSession({ service, store, onChange: show, onArrival: arrived });

  const frame = h("div", { class: "kefu", dir: pageDir, onkeydown: pressed }, launcher.element);
  const host = h("kefu-chat", { "data-store": store });
  const root = host.attachShadow({ mode: "open" });
  frame.dataset.side = sideOf(position, pageDir);
  const slot = freeSlot(frame.dataset.side);
  frame.style.setProperty("--slot", String(slot));
  root.append(frame);
  (document.body ?? page).append(host);
  const unfollowTheme = adopt(root);
  root.adoptedStyleSheets.push(sheet);

  const ignoreShortcut = listenForShortcut(host, () => { if (widgets[0] === widget) toggle(); });
  const asked = languageOf({ wanted: lang, page: page.lang, browser: navigator.languages });
  // A file of words that does not come must not take the chat with it.
  loadWords(asked).catch(() => loadWords("en")).then(begin, (error) => console.error("kefu: no words.", error));
  if (connect !== "open") whenIdle(() => { if (!gone) session.begin(); });

  function begin(loaded) {
    if (gone) return;
    words = loaded;
    frame.lang = words.lang;
    if (words.dir === "rtl") frame.dir = "rtl";
    frame.dataset.side = sideOf(position, frame.dir);
    panel = createPanel({ words, session, store, signInUrl: signInUrl || null, onClose: close });
    frame.append(panel.element);
    if (wanted) open(wanted);
    else if (mark.load() && !matchMedia(SMALL).matches) open({ focus: false });
    show();
  }

  function open(how = { focus: true }) {
    if (gone || panel?.isOpen) return;
    if (!panel) {
      wanted = how;
      return;
    }
    for (const other of widgets) if (other !== widget) other.fold();
    session.setOpen(true);
    panel.open(how);
    mark.save(true);
    show();
  }

  function fold() {
    wanted = null;
    if (!panel?.isOpen) return false;
    const hadFocus = panel.hasFocus;
    session.setOpen(false);
    panel.close();
    mark.save(false);
    show();
    return hadFocus;
  }

  function close() {
    if (fold()) launcher.focus();
  }

  function toggle() {
    if (panel?.isOpen) close();
    else open();
  }

  function pressed(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !panel?.isOpen) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  }

  function show() {
    if (!words || gone) return;
    const unread = unreadOf(session.state);
    launcher.show(words, { name: session.state.shop?.name ?? null, unread, open: panel.isOpen });
    count(unread);
    panel.show();
  }

  /** The title's number comes with the first message that was not seen. */
  function count(unread) {
    if (!unread && !titles) return;
    titles ??= import("../widget/title.js");
    titles.then((title) => title.count(widget, unread), (error) => console.warn("kefu: the title stays.", error));
  }

  function arrived({ seq, from }) {
    if (!soundChoice.load() || from.side === "customer") return;
    setTimeout(() => {
      const { view } = session.state;
      if (!gone && view && view.read.customer < seq) ring();
    }, RING_AFTER_MS);
  }

  function unmount() {
    if (gone) return;
    panel?.destroy();
    gone = true;
    count(0);
    ignoreShortcut();
    unfollowTheme();
    session.end();
    host.remove();
    widgets.splice(widgets.indexOf(widget), 1);
  }

  const widget = { side: frame.dataset.side, slot, fold };
  widgets.push(widget);
  return Object.freeze({ open: () => open(), close, unmount });
}

/** The lowest place on that side where no other button is. */
function freeSlot(side) {
  const taken = widgets.filter((each) => each.side === side).map((each) => each.slot);
  let slot = 0;
  while (taken.includes(slot)) slot += 1;
  return slot;
}

/** What the browser has painted comes first. */
function whenIdle(run) {
  if (globalThis.requestIdleCallback) requestIdleCallback(run, { timeout: 2000 });
  else setTimeout(run, 200);
}

const started = new WeakSet();

/**
 * Start a widget for each script element of this loader that names a store.
 * @param {string} base
 * @param {string} loader its own address
 */
export function mountScripts(base, loader) {
  for (const script of document.querySelectorAll("script[data-store]")) {
    if (script.src !== loader || started.has(script)) continue;
    started.add(script);
    try {
      const { store, tokenUrl, signInUrl, lang, position, connect } = script.dataset;
      mount({ base, store, tokenUrl, signInUrl, lang, position, connect });
    } catch (error) {
      console.error(error.message);
    }
  }
}
