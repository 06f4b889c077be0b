/** The panel: a dialog beside the page on a large window, the whole window and modal on a small one. */
import { createComposer } from "../chat/composer.js";
import { connectionLine } from "../chat/connection.js";
import { h, icon, setText } from "../chat/dom.js";
import { createLog } from "../chat/log.js";
import { createHeader } from "./header.js";
import { draftOf, soundChoice } from "./kept.js";
import { keepAboveKeyboard } from "./keyboard.js";
import { ring } from "./ringing.js";
import { canEnd, isClosed, presenceOf, stageOf } from "./stage.js";
import { SMALL } from "./style.js";

/** What the log shows before anything is known: its skeleton. */
const NOTHING = Object.freeze({
  side: "customer", messages: [], pending: [], loaded: false, more: false, read: { customer: 0, store: 0 },
});
const SAID = { refused: "refused", "signed out": "sign_in_first", unknown: "unknown", unreached: "unreached" };

/**
 * @param {object} options
 * @param {import("../chat/words.js").Words} options.words
 * @param {import("./session.js").Session} options.session
 * @param {string} options.store
 * @param {string | null} options.signInUrl
 * @param {() => void} options.onClose
 */
export function createPanel({ words, session, store, signInUrl, onClose }) {
  const small = matchMedia(SMALL);
  const say = (key, values) => words.say(`widget.${key}`, values);
  let log = /** @type {ReturnType<typeof createLog> | null} */ (null);
  let user = /** @type {string | null} */ (null);
  let remark = /** @type {string | null} */ (null); // what went wrong with what the shopper asked for
  let settles = false; // the focus goes on to where it belongs, once that is there
  let ready = false; // there is a conversation to write into
  let said = /** @type {import("../lib/kefu.d.ts").Status | null} */ (null);
  let isOpen = false;
  let freeKeyboard = () => {};

  const header = createHeader({ words, items: menuItems, onClose });
  const noticeText = h("p", { role: "status", dir: "auto" });
  const notice = h("div", { class: "notice", hidden: true }, noticeText, h("button", {
    type: "button", class: "k-plain k-round", "aria-label": say("dismiss"), title: say("dismiss"), onclick: dismiss,
  }, icon("close")));
  const cardText = h("p", { dir: "auto" });
  const signIn = signInUrl && h("a", { class: "k-plain k-send action", href: signInUrl }, say("sign_in"));
  const card = h("div", { class: "card", role: "status", hidden: true }, cardText, signIn);
  const body = h("div", { class: "body" }, card);
  const empty = h("div", { dir: "auto" });
  const line = connectionLine({ words, onRetry: () => session.wake() });
  const closed = h("p", { class: "closed", role: "status", dir: "auto", hidden: true });
  const composer = createComposer({
    words,
    onSend: (text) => session.conversation?.send(text),
    onTyping: (on) => session.conversation?.typing(on),
    draft: { load: () => draft()?.load() ?? "", save: (text) => draft()?.save(text) },
  });
  const element = h("dialog", {
    class: "panel", "aria-labelledby": "kefu-name", tabIndex: -1, oncancel: cancelled, onclose: fell,
  }, header.element, notice, body, line.element, closed, composer.element);
  small.addEventListener("change", resized);

  function draft() {
    return user === null ? null : draftOf(store, user);
  }

  function menuItems() {
    const sound = soundChoice.load();
    return [
      { label: say("sound"), checked: sound, run() { soundChoice.save(!sound); if (!sound) ring(); } },
      ...(canEnd(session.state) ? [{ label: say("end"), run: endChat }] : []),
    ];
  }

  async function endChat() {
    try {
      await session.conversation?.close();
      tell(null);
    } catch (refusal) {
      tell("not_ended");
    }
  }

  function tell(key) {
    remark = key;
    show();
  }

  function dismiss() {
    if (remark) tell(null);
    else session.dismissNotice();
    focus();
  }

  /** A modal dialog's own Escape, and a phone's way back. */
  function cancelled(event) {
    event.preventDefault();
    onClose();
  }

  /** Browsers may close a modal dialog without asking. */
  function fell() {
    if (isOpen && !element.open) onClose();
  }

  /** Modal or not, as the window is now. */
  function stand() {
    if (!isOpen) return;
    if (element.open) element.close();
    freeKeyboard();
    freeKeyboard = small.matches ? keepAboveKeyboard(element) : () => {};
    if (small.matches) element.showModal();
    else element.open = true; // `show()` would take the focus from the page
  }

  /** The window has become small, or large. */
  function resized() {
    const had = hasFocusWithin();
    stand();
    if (had) focus();
  }

  /** To the words where there is a keyboard; on a phone that would cover half of what there is to read. */
  function focus() {
    const place = signIn && !signIn.hidden ? signIn : ready && !composer.element.hidden ? composer : element;
    settles = place === element;
    if (place === composer && matchMedia("(pointer: coarse)").matches && !log?.element.hidden) log?.focus();
    else place.focus();
  }

  /** A log of its own for each opening and each user: its divider says what was new then. */
  function renewLog() {
    log?.destroy();
    log?.element.remove();
    log = null;
    if (!isOpen) return;
    const { conversation } = session;
    log = createLog({
      words,
      now: session.now,
      visits: false,
      empty,
      onOlder: () => conversation?.older(),
      onRetry: (id) => conversation?.retry(id),
      onDiscard: async (id) => {
        const text = await conversation?.discard(id);
        if (text && !draft()?.load()) composer.setDraft(text);
      },
      onSeen: (seq) => conversation?.read(seq),
    });
    body.append(log.element);
  }

  function show() {
    const { state } = session;
    const stage = stageOf(state);
    const talks = stage === "chat" || stage === "loading" || (stage === "unreached" && session.conversation !== null);
    if (state.user !== user) {
      user = state.user;
      composer.setDraft(draft()?.load() ?? "");
      renewLog();
    }
    header.show(state);
    setText(noticeText, remark ? say(remark) : state.notice ?? "");
    notice.hidden = !noticeText.textContent;
    const words = SAID[stage];
    card.hidden = !words;
    setText(cardText, words ? say(words) : "");
    if (signIn) signIn.hidden = stage !== "signed out";
    line.element.hidden = !state.status || stage === "signed out" || stage === "refused" || stage === "unknown";
    if (state.status && state.status !== said) line.show(said = state.status);
    closed.hidden = !isClosed(state);
    setText(closed, isClosed(state) ? say("closed") : "");
    composer.element.hidden = !talks;
    ready = session.conversation !== null;
    composer.setState({ enabled: ready, placeholder: say("placeholder") });
    if (settles && focused() === element) focus();
    if (!log) return;
    log.element.hidden = Boolean(words);
    const nobody = presenceOf(state)?.who === "nobody";
    setText(empty, say(nobody ? "empty_away" : "empty"));
    if (!words) log.show(state.view ?? NOTHING);
  }

  const focused = () => element.getRootNode().activeElement;
  const hasFocusWithin = () => element.contains(focused());

  return {
    element,
    get isOpen() { return isOpen; },
    /** What the shopper has the focus in is in here. */
    get hasFocus() { return hasFocusWithin(); },
    show: () => { if (isOpen) show(); },
    /** @param {{ focus: boolean }} how */
    open({ focus: take }) {
      isOpen = true;
      renewLog();
      stand();
      show();
      if (take) focus();
    },
    close() {
      isOpen = false;
      header.closeMenu();
      line.show({ state: "live", reason: null, retryAt: null }); // stops its clock
      said = null;
      freeKeyboard();
      if (element.open) element.close();
      renewLog();
    },
    destroy() {
      this.close();
      line.destroy();
      small.removeEventListener("change", resized);
    },
  };
}
