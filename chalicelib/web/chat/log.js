/** A conversation as a scrolling log. `rows.js` decides what is a row; here rows become elements, and stay put. */
import { h, icon, setText } from "./dom.js";
import { createOlder } from "./older.js";
import { createRow } from "./row.js";
import { around, downwards, find, firstUnread, indexOf, layout, newest, slice, upwards } from "./rows.js";
import { createScroll } from "./scroll.js";
import { day } from "./times.js";

// So tall that what may be rendered does not fill it, a log could else grow and shrink for ever.
const STEPS = 6;

/**
 * @typedef {object} LogOptions
 * @property {import("./words.js").Words} words
 * @property {() => number} [now] the server's time, as well as is known
 * @property {() => void | Promise<void>} [onOlder] load the page before; asked once a page
 * @property {(id: string) => void} [onRetry]
 * @property {(id: string) => void} [onDiscard]
 * @property {(seq: number) => void} [onSeen] the newest message on screen while somebody looks
 * @property {boolean} [visits] tell the visits apart
 * @property {string | Node} [empty] what to show where nothing was written yet
 * @property {string | null} [user] the reader: others of the same side are then named
 */

/**
 * @param {LogOptions} options
 */
export function createLog({ words, now = Date.now, onOlder = () => {}, onRetry = () => {}, onDiscard = () => {},
  onSeen = () => {}, visits = false, empty = "", user = null }) {
  const list = h("div", { class: "k-rows", onpointerover: hover });
  const typist = h("span", { dir: "auto" });
  const typing = h("div", { class: "k-typing", hidden: true, "aria-live": "off" }, typist);
  const older = createOlder({ words, onOlder });
  const notice = h("div", { class: "k-middle", hidden: true });
  const skeleton = h("div", { class: "k-skeleton", "aria-live": "off" },
    h("span", { class: "k-hidden" }, words.say("chat.loading")), Array.from({ length: 9 }, () => h("i")));
  const scroller = h("div", {
    class: "k-log", role: "log", tabIndex: 0, "aria-live": "polite", "aria-relevant": "additions", "aria-busy": "true",
    "aria-label": words.say("chat.log"),
  }, older.element, skeleton, notice, list, typing);
  const count = h("span");
  const pill = h("button", { class: "k-plain k-pill", type: "button", hidden: true, onclick: toNewest },
    count, icon("down"));
  const element = h("div", { class: "k-frame" }, scroller, pill);

  let view = null;
  let stretch = newest([]);
  let mark = null;      // the read mark as it was when the log was opened
  let opened = false;   // the reader has been put where reading begins
  let heard = 0;        // announced up to here
  let reached = 0;      // has been on screen up to here
  let seen = 0;         // told so
  const made = new Map();
  const scroll = createScroll(scroller, list, { onMove: moved, onLook: look });
  const context = { words, onRetry, onDiscard, onFold: (row) => scroll.settle(row) };

  function show(next) {
    if (view && view.conversation !== next.conversation) forget();
    if (view) forgetLost(next.messages);
    const lately = view?.pending;
    const last = next.pending.at(-1);
    const written = lately && last && last.id !== lately.at(-1)?.id && next.pending.length >= lately.length;
    view = next;
    if (view.loaded && mark === null) {
      mark = view.read[view.side];
      // What comes from now on is read as it comes.
      const unread = (message) => message.seq > mark && message.from.side !== view.side;
      if (!view.messages.some(unread)) mark = Infinity;
      heard = view.messages.at(-1)?.seq ?? 0;
      stretch = newest(view.messages);
    }
    if (written) scroll.follow();
    // Older ones go in at once, with the divider that they replace: in two steps there might be nothing to scroll over.
    else if (!scroll.following && scroll.nearStart) stretch = upwards(view.messages, stretch);
    render();
    if (opened) moved();
    else open();
  }

  /** Storage may have gone back: what stands where the newest message stood is then another, or nothing. */
  function forgetLost(messages) {
    const last = view.messages.at(-1);
    if (!last || messages[indexOf(messages, last.seq)]?.at === last.at) return;
    const end = messages.at(-1)?.seq ?? 0;
    [heard, reached, seen] = [Math.min(heard, end), Math.min(reached, end), 0];
    stretch = newest(messages);
  }

  function forget() {
    made.forEach((row) => row.element.remove());
    made.clear();
    older.forget();
    [view, mark, opened, heard, reached, seen] = [null, null, false, 0, 0, 0];
    scroll.follow();
  }

  function render() {
    const { messages, pending } = view;
    if (scroll.following && (stretch.to !== Infinity || messages.length - indexOf(messages, stretch.from) > 200)) {
      stretch = newest(messages);
    }
    const anchor = scroll.anchor();
    const nothing = !messages.length && !pending.length;
    skeleton.hidden = view.loaded || !nothing || Boolean(view.error);
    scroller.setAttribute("aria-busy", String(!skeleton.hidden));
    notice.hidden = !nothing || !skeleton.hidden;
    const note = view.error ? words.say("chat.not_shown") : empty;
    if (typeof note === "string") setText(notice, note);
    else if (notice.firstChild !== note) notice.replaceChildren(note);
    older.element.hidden = nothing || view.loaded && !view.more;
    const label = (at) => day(at, now(), words.lang, words);
    draw(layout(view, { ...slice(messages, stretch), mark, visits, user, day: label }));
    typing.hidden = !view.typing || stretch.to !== Infinity;
    if (view.typing) setText(typist, words.say("chat.typing", { name: view.typing.name }));
    heard = Math.max(heard, messages.at(-1)?.seq ?? 0);
    scroll.keep(anchor);
    tell();
  }

  /** Only what differs is touched; what is new from others is announced, nothing else. */
  function draw(rows) {
    const wanted = new Set(rows.map((row) => row.key));
    for (const [key, { element }] of made) {
      if (!wanted.has(key)) {
        element.remove();
        made.delete(key);
      }
    }
    let place = list.firstChild;
    for (const row of rows) {
      let known = made.get(row.key);
      if (known) known.update(row);
      else {
        made.set(row.key, known = createRow(row, context));
        if (!(mark !== null && row.seq > heard && !row.own)) known.element.setAttribute("aria-live", "off");
      }
      if (known.element === place) place = place.nextSibling;
      else list.insertBefore(known.element, place);
    }
  }

  /** Put the reader where reading begins: at the first unread message, where all of them do not fit. */
  function open() {
    if (opened || !view?.loaded || !scroll.visible) return;
    opened = true;
    const seq = firstUnread(view, mark);
    if (seq !== null) {
      if (!made.has("unread")) {
        stretch = around(view.messages, seq);
        scroll.leave();
        render();
      }
      scroll.toTop(made.get("unread").element);
      reached = Math.max(reached, seq - 1);
    }
    moved();
  }

  function moved(steps = 0) {
    if (!view || !scroll.visible) return;
    const { messages } = view;
    scroll.reaches(stretch.to === Infinity);
    if (scroll.nearStart) {
      if (indexOf(messages, stretch.from) > 0 && steps < STEPS) return restretch(upwards(messages, stretch), steps);
      if (view.more && view.loaded && opened && messages.length) older.near(messages[0].seq);
    } else older.far();
    const further = scroll.nearEnd && stretch.to !== Infinity && steps < STEPS;
    if (further) return restretch(downwards(messages, stretch), steps);
    tell();
  }

  function restretch(next, steps) {
    stretch = next;
    render();
    moved(steps + 1);
  }

  function look(seq, looking) {
    if (!view || seq === 0) return;
    if (seq > reached) {
      reached = seq;
      tell();
    }
    if (looking && opened && seq > seen) onSeen(seen = seq);
  }

  function tell() {
    if (scroll.following && opened) reached = Math.max(reached, view.messages.at(-1)?.seq ?? 0);
    let fresh = 0;
    for (let index = indexOf(view.messages, reached + 1); index < view.messages.length; index += 1) {
      if (view.messages[index].from.side !== view.side) fresh += 1;
    }
    pill.hidden = scroll.following || !(fresh || scroll.far || stretch.to !== Infinity);
    setText(count, fresh ? words.say("chat.new", { n: fresh }) : "");
    pill.setAttribute("aria-label", fresh ? "" : words.say("chat.to_end"));
  }

  function hover({ target }) {
    for (const row of made.values()) if (row.element.contains(target)) return row.dated();
  }

  function toNewest() {
    scrollToEnd();
    scroller.focus({ preventScroll: true });
  }

  /** Go to the newest message, and stay there. */
  function scrollToEnd() {
    opened = true;
    scroll.follow();
    if (view) render();
  }

  /** Show one message in the middle, outlined; false where it is not loaded. */
  function reveal(seq) {
    const message = view?.messages[indexOf(view.messages, seq)];
    if (message?.seq !== seq) return false;
    opened = true;
    scroll.leave();
    const rowOf = () => list.querySelector(`[data-seq="${seq}"]`);
    if (!rowOf()) {
      stretch = around(view.messages, seq);
      render();
    }
    list.querySelector(".k-found")?.classList.remove("k-found");
    rowOf().classList.add("k-found");
    scroll.toMiddle(rowOf());
    moved();
    return true;
  }

  return {
    element,
    show,
    scrollToEnd,
    /** The seqs of the loaded messages that contain `text`, whatever the case; ascending. */
    find: (text) => find(view?.messages ?? [], text),
    reveal,
    /** The log is opened anew: the "New" divider and where reading begins follow today's read mark. */
    reopen() {
      const last = view;
      forget();
      if (last) show(last);
    },
    focus: () => scroller.focus({ preventScroll: true }),
    destroy() {
      scroll.destroy();
      element.remove();
    },
  };
}
