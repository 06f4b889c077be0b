/** The console of one store: its parts side by side, the keys, and the clock that they share. */

import { connectionLine } from "../chat/connection.js";
import { h } from "../chat/dom.js";
import { createAlerts } from "./alerts.js";
import { showKeys, showSettings } from "./asides.js";
import { createColumn } from "./column.js";
import { createDesk } from "./desk.js";
import { createDoing } from "./doing.js";
import { createDrafts } from "./drafts.js";
import { listenToKeys } from "./keys.js";
import { createLines } from "./lines.js";
import { createPane } from "./pane.js";
import { createRail } from "./rail.js";
import { createStrip } from "./strip.js";

/**
 * @param {{ client: import("../lib/kefu.d.ts").Client, service: ReturnType<import("./service.js").createService>,
 *   words: import("../chat/words.js").Words, preferences: ReturnType<import("./preferences.js").createPreferences>,
 *   posts: import("./service.js").Post[], post: import("./service.js").Post, user: string, store: Storage,
 *   keysOn: EventTarget, title: ((text: string) => void) | null, onPost: (post: import("./service.js").Post) => void,
 *   onSignOut: (() => void) | null, onRetry: () => void, ownLanguage: boolean }} parts
 */
export function createShell(parts) {
  const { client, words, preferences, post, user } = parts;
  const desk = createDesk({ client, service: parts.service, post, user });
  const drafts = createDrafts(parts.store, user);
  const room = h("div", { class: "room" });
  /** @type {Map<string, ReturnType<typeof createPane>>} */
  const panes = new Map();
  const stage = h("div", { class: "stage" });
  const nothing = h("p", { class: "vacant" }, words.say("console.choose_one"));
  const doing = createDoing({ desk, words, room, settled: (id) => panes.get(id)?.settle() });
  const column = createColumn({ desk, words, preferences, onOpen: open });
  const strip = createStrip({ desk, words, onShow: (id) => open(id, "key"), onPutAway: putAway });
  const lines = createLines({ words, onOpen: (id) => open(id, "key"), leave: refocus });
  const alerts = createAlerts({
    desk,
    words,
    preferences,
    title: parts.title,
    onOpen: (id) => open(id, "key"),
    onLate: (late) => lines.late(late),
  });
  const connection = connectionLine({ words, onRetry: parts.onRetry });
  const rail = createRail({
    ...parts,
    onSettings: () => showSettings({ room, words, preferences, alerts, ownLanguage: parts.ownLanguage }),
    onKeys: () => showKeys({ room, words }),
  });
  const element = h(
    "div",
    { class: "console", "data-screen": "list", lang: words.lang, dir: words.dir },
    connection.element,
    lines.element,
    h("div", { class: "desk" }, rail.element, column.element, h("main", { class: "main" }, strip.element, stage)),
    room,
  );
  stage.append(nothing);

  function open(/** @type {string} */ id, /** @type {"key" | "pointer"} */ by) {
    desk.show(id);
    element.dataset.screen = "conversation";
    draw();
    // By a press one stays in the list, unless it has made place for the conversation.
    if (by === "key" || column.list.getClientRects().length === 0) panes.get(id)?.focus();
  }

  function putAway(/** @type {string} */ id) {
    desk.putAway(id);
    draw();
    if (desk.current) panes.get(desk.current)?.focus();
    else toList();
  }

  function toList() {
    element.dataset.screen = "list";
    column.activate(desk.current);
    column.focusList();
  }

  function refocus() {
    if (desk.current && element.dataset.screen === "conversation") panes.get(desk.current)?.focus();
    else column.focusList();
  }

  function draw() {
    for (const [id, pane] of panes) {
      if (desk.open.includes(id)) continue;
      pane.destroy();
      panes.delete(id);
    }
    for (const id of desk.open) {
      if (panes.has(id)) continue;
      const pane = createPane({
        desk,
        id,
        words,
        thresholds: () => preferences.current,
        drafts,
        doing,
        onBack: toList,
      });
      panes.set(id, pane);
      stage.append(pane.element);
    }
    for (const [id, pane] of panes) pane.current = id === desk.current;
    rail.show(desk.nameOf(user));
    nothing.hidden = desk.current !== null;
    if (desk.current === null) element.dataset.screen = "list";
  }

  function tick() {
    const now = client.now();
    column.tick(now);
    for (const pane of panes.values()) pane.tick(now);
    alerts.tick(now);
    lines.prune((id) => desk.object(id)?.status === "waiting");
  }

  /** What a key of the conversation is meant for: the row where somebody stands in the list, else what is open. */
  function target() {
    const inList = /** @type {ShadowRoot} */ (element.getRootNode()).activeElement === column.list;
    const id = (inList && column.active) || desk.current;
    if (id && id !== desk.current) open(id, "pointer");
    return id;
  }

  const neighbour = (/** @type {number} */ step) => {
    const at = desk.current ? desk.open.indexOf(desk.current) : -1;
    const id = desk.open[(at + step + desk.open.length) % desk.open.length];
    if (id) open(id, "key");
  };

  /** @type {Record<string, (argument: any) => void>} */
  const commands = {
    move: (step) => {
      const focused = /** @type {ShadowRoot} */ (element.getRootNode()).activeElement === column.list;
      if (!focused) toList();
      column.move(step);
    },
    list: (list) => column.choose(list),
    search: () => {
      element.dataset.screen = "list";
      column.search();
    },
    find: () => desk.current && panes.get(desk.current)?.find.open(),
    previousVisit: () => desk.current && panes.get(desk.current)?.previousVisit(),
    write: () => desk.current && panes.get(desk.current)?.write(),
    neighbour,
    nth: (number) => desk.open[number - 1] && open(desk.open[number - 1], "key"),
    putAway: () => desk.current && putAway(desk.current),
    help: () => showKeys({ room, words }),
    back: () => {
      const root = /** @type {ShadowRoot} */ (element.getRootNode());
      if (root.activeElement === column.field || (root.activeElement === column.list && column.field.value))
        column.leaveSearch();
      else if (!(desk.current && panes.get(desk.current)?.back())) toList();
    },
    claim: () => act((id) => (desk.deeds(id).has("takeOver") ? doing.takeOver(id) : doing.claim(id))),
    release: () => act(doing.release),
    transfer: () => act(doing.transfer),
    close: () => act(doing.close),
    watch: () => act(doing.watch),
  };
  function act(/** @type {(id: string) => void} */ deed) {
    const id = target();
    if (id) deed(id);
  }

  const timer = setInterval(tick, 1000);
  const showConnection = () => connection.show(client.status);
  const ends = [
    desk.subscribe(draw),
    desk.subscribe(tick),
    client.on("status", showConnection),
    client.on("notice", (notice) => lines.notice(notice)),
    listenToKeys({ on: parts.keysOn, list: column.list, run: ([name, argument]) => commands[name](argument) }),
  ];
  const seen = () => desk.current && panes.get(desk.current)?.read();
  window.addEventListener("focus", seen);
  showConnection();
  draw();

  return {
    element,
    focus: () => column.focusList(),
    destroy() {
      clearInterval(timer);
      window.removeEventListener("focus", seen);
      for (const each of ends) each();
      for (const pane of panes.values()) pane.destroy();
      strip.destroy();
      column.destroy();
      alerts.destroy();
      connection.destroy();
      desk.end();
      element.remove();
    },
  };
}
