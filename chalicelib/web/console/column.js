/** The column of lists: which list, its numbers, the search, the rows, and what stands there where no rows are. */

import { h, icon, setText } from "../chat/dom.js";
import { createList } from "./list.js";
import { LISTS, matching, rows, unreadOfMine } from "./queue.js";
import { SHAPES } from "./row.js";
import { level, waited } from "./waits.js";

/**
 * @param {{ desk: import("./desk.js").Desk, words: import("../chat/words.js").Words,
 *   preferences: ReturnType<import("./preferences.js").createPreferences>,
 *   onOpen: (id: string, by: "key" | "pointer") => void }} parts
 */
export function createColumn({ desk, words, preferences, onOpen }) {
  const { client, loading, user } = desk;
  const thresholds = () => preferences.current;
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const tabs = LISTS.map((list, index) => tab(list, index));
  const field = h("input", {
    type: "search",
    class: "search",
    "aria-label": say("search"),
    placeholder: say("search"),
    autocomplete: "off",
    oninput: () => draw(true),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing || event.keyCode === 229 || (event.key !== "ArrowDown" && event.key !== "Enter")) return;
      event.preventDefault();
      const first = view.first;
      if (event.key === "ArrowDown") {
        focusList();
        view.move(1);
      } else if (first) onOpen(first, "key");
    },
  });
  const sort = h(
    "button",
    { type: "button", class: "note action", hidden: true, onclick: () => view.settle() },
    say("sort"),
  );
  const view = createList({
    words,
    user,
    thresholds,
    now: () => client.now(),
    onOpen,
    onEnd: () => {
      if (!field.value && !loading.status(desk.list).failure) loading.more(desk.list);
    },
    onOrder: (unsorted) => {
      sort.hidden = !unsorted;
      drawVacancy();
    },
  });
  const skeleton = h(
    "div",
    { class: "rows-skeleton", "aria-hidden": "true" },
    Array.from({ length: 6 }, () => h("i", null)),
  );
  const vacant = h("p", { class: "vacant" });
  const again = h("button", { type: "button", class: "action", onclick: () => loading.more(desk.list) }, say("retry"));
  const failure = h("div", { class: "vacant", role: "alert" }, h("p", null), again);
  const partly = h("button", { type: "button", class: "note action", onclick: () => loading.more(desk.list) });
  const panel = h(
    "div",
    { class: "list-panel", role: "tabpanel", id: "list-panel" },
    view.element,
    skeleton,
    vacant,
    failure,
    partly,
    sort,
  );
  const element = h(
    "section",
    { class: "column", "aria-label": say("conversations") },
    h(
      "div",
      { class: "tabs", role: "tablist", "aria-label": say("lists"), onkeydown: turn },
      tabs.map((each) => each.element),
    ),
    h("div", { class: "search-line" }, icon("search"), field),
    panel,
  );

  function tab(/** @type {import("./queue.js").List} */ list, /** @type {number} */ index) {
    const number = h("span", { class: "number tab-count" });
    const mark = h("span", { class: "shape", "aria-hidden": "true" });
    const spoken = h("span", { class: "k-hidden" });
    const button = h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${list}`,
        "aria-controls": "list-panel",
        title: `${say(`list.${list}`)} (${index + 1})`,
        onclick: () => choose(list),
      },
      say(`list.${list}`),
      number,
      mark,
      spoken,
    );
    return { list, element: button, number, mark, spoken };
  }

  function turn(/** @type {KeyboardEvent} */ event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = LISTS.indexOf(desk.list);
    const to = (from + (words.dir === "rtl" ? -step : step) + LISTS.length) % LISTS.length;
    choose(LISTS[to]);
    tabs[to].element.focus();
  }

  function choose(/** @type {import("./queue.js").List} */ list) {
    field.value = "";
    desk.choose(list);
    draw(true);
  }

  function focusList() {
    if (view.element.hidden) return tabs[LISTS.indexOf(desk.list)].element.focus({ focusVisible: true });
    // By hand, so that the ring shows: somebody has come by keyboard.
    view.element.focus({ focusVisible: true });
  }

  function draw(anew = false) {
    const { list } = desk;
    const status = loading.status(list);
    const all = rows(loading.queue, list);
    const found = matching(all, field.value);
    for (const each of tabs) drawTab(each);
    panel.setAttribute("aria-labelledby", `tab-${list}`);
    view.show({
      list,
      anew,
      label: say(`list.${list}`),
      ids: found.map((each) => each.conversation),
      objectOf: (id) => loading.queue.objects.get(id),
      current: desk.current,
    });
    partly.hidden = !field.value || status.ended;
    setText(partly, say("searched", { n: all.length }));
  }

  function drawVacancy() {
    const { list } = desk;
    const status = loading.status(list);
    const nothing = view.element.hidden;
    skeleton.hidden = !(nothing && status.loading && !loading.queue.extents[list].begun);
    failure.hidden = !status.failure;
    if (status.failure)
      setText(failure.firstChild, say(status.failure === "forbidden" ? "list_forbidden" : "list_failed"));
    vacant.hidden = !nothing || !skeleton.hidden || !failure.hidden;
    setText(vacant, field.value ? say("nothing_found", { text: field.value }) : say(`empty.${list}`));
  }

  function drawTab(/** @type {ReturnType<typeof tab>} */ { list, element: button, number, mark, spoken }) {
    const chosen = list === desk.list;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    const { count } = loading.status(list);
    setText(number, count && (list === "waiting" || list === "mine") ? words.say("console.number", { n: count }) : "");
    if (list === "mine") {
      const unread = unreadOfMine(loading.queue);
      setText(mark, unread ? "●" : "");
      setText(spoken, unread ? say("unread", { n: unread }) : "");
    }
  }

  function tick(/** @type {number} */ now) {
    view.tick(now);
    // The first one has waited longest.
    const [first] = rows(loading.queue, "waiting");
    const grade = level(first ? waited(first, now) : null, thresholds());
    const { element: button, mark, spoken } = tabs[0];
    button.dataset.level = grade;
    setText(mark, SHAPES[grade]);
    setText(spoken, grade === "calm" ? "" : say(`waits.${grade}`));
  }

  const ends = [desk.subscribe(() => draw()), preferences.subscribe(() => tick(client.now()))];
  draw(true);
  return {
    element,
    tick,
    choose,
    focusList,
    move: view.move,
    activate: view.activate,
    get active() {
      return view.active;
    },
    get list() {
      return view.element;
    },
    search() {
      field.focus();
      field.select();
    },
    /** Escape in the field: first the search goes, then the focus. */
    leaveSearch() {
      if (!field.value) return focusList();
      field.value = "";
      draw(true);
    },
    field,
    destroy() {
      for (const each of ends) each();
      view.destroy();
    },
  };
}
