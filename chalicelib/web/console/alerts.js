/** What calls an agent who looks elsewhere: a customer who has waited too long, a message in what is served. */

import { belongs, rows, unreadOfMine } from "./queue.js";
import { newlyLate } from "./waits.js";

/**
 * @param {{ desk: import("./desk.js").Desk, words: import("../chat/words.js").Words,
 *   preferences: ReturnType<import("./preferences.js").createPreferences>, onOpen: (id: string) => void,
 *   onLate: (objects: import("./queue.js").ConversationObject[]) => void,
 *   title: ((text: string) => void) | null }} parts `title`: sets the page's title, where it is ours
 */
export function createAlerts({ desk, words, preferences, onOpen, onLate, title }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  /** @type {Set<Notification>} */
  const shown = new Set();
  /** @type {ReadonlySet<string>} */
  let told = new Set();
  /** @type {AudioContext | null} */
  let audio = null;
  const permission = () =>
    "Notification" in window && window.isSecureContext ? Notification.permission : "unsupported";
  const away = () => document.visibilityState === "hidden" || !document.hasFocus();

  function notify(/** @type {string} */ head, /** @type {string} */ body, /** @type {string} */ id) {
    if (permission() !== "granted" || !preferences.current.notify) return;
    try {
      // One tag a conversation: a later one takes the place of the earlier, also that of another tab.
      const note = new Notification(head, { body, tag: `kefu ${id}`, lang: words.lang, dir: words.dir });
      shown.add(note);
      note.onclose = () => shown.delete(note);
      note.onclick = () => {
        window.focus();
        onOpen(id);
        note.close();
      };
    } catch {
      // On phones a page alone may not; the line in the page says the same.
    }
  }

  function play() {
    // Before anything was pressed here no browser plays: it would come later, when nobody knows why.
    if (navigator.userActivation?.hasBeenActive === false) return;
    audio ??= new AudioContext();
    const start = audio.currentTime;
    const volume = new GainNode(audio);
    volume.connect(audio.destination);
    volume.gain.setValueAtTime(0.12, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.5);
    for (const [frequency, after] of [
      [660, 0],
      [880, 0.12],
    ]) {
      const voice = new OscillatorNode(audio, { frequency });
      voice.connect(volume);
      voice.start(start + after);
      voice.stop(start + 0.5);
    }
  }

  function drawTitle() {
    if (!title) return;
    const waiting = desk.loading.status("waiting").count ?? 0;
    const unread = unreadOfMine(desk.loading.queue);
    const parts = [
      waiting && say("title_waiting", { n: waiting }),
      unread && say("title_unread", { n: unread }),
    ].filter(Boolean);
    title([...parts, desk.post.name].join(" · "));
  }

  const ends = [
    desk.subscribe(drawTitle),
    desk.hear((message) => {
      const object = desk.loading.queue.objects.get(message.conversation);
      if (!away() || message.from.side !== "customer" || !object || !belongs("mine", object, desk.user)) return;
      notify(message.from.name, message.body.text.slice(0, 200), message.conversation);
      if (preferences.current.sound) play();
    }),
  ];
  drawTitle();

  return {
    play,
    get permission() {
      return permission();
    },
    /** Ask for the permission; only ever after a press on a button. */
    async allow() {
      await Notification.requestPermission();
    },
    tick(/** @type {number} */ now) {
      const found = newlyLate(rows(desk.loading.queue, "waiting"), now, preferences.current, told);
      told = found.told;
      if (found.late.length === 0) return;
      const [first] = found.late;
      const others = found.late.length - 1;
      const name = first.customer.name;
      notify(
        others ? say("late_many", { n: found.late.length }) : say("late_one", { name }),
        first.last?.body.text.slice(0, 200) ?? "",
        first.conversation,
      );
      if (preferences.current.sound) play();
      onLate(found.late);
    },
    destroy() {
      for (const each of ends) each();
      for (const each of shown) each.close();
      audio?.close();
    },
  };
}
