/** To whom a conversation goes: the store's agents, who is online first; typing narrows the list. */

import { append, h, setText } from "../chat/dom.js";
import { ask } from "./dialog.js";

/** @typedef {import("./service.js").Agent} Agent */

/** Those whose name or id holds what was typed; online first, then by name. Pure. @returns {Agent[]} */
export function receivers(
  /** @type {readonly Agent[]} */ agents,
  /** @type {readonly string[]} */ without,
  /** @type {string} */ text,
) {
  const wanted = text.trim().toLocaleLowerCase();
  return agents
    .filter(({ user, name }) => !without.includes(user) && `${name} ${user}`.toLocaleLowerCase().includes(wanted))
    .sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name));
}

/**
 * @param {{ room: Element, words: import("../chat/words.js").Words, desk: import("./desk.js").Desk, id: string }} parts
 * @returns {Promise<string | undefined>} the chosen agent's user id
 */
export function chooseReceiver({ room, words, desk, id }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const object = desk.object(id);
  const without = [desk.user, object?.customer.user, object?.agent?.user].filter((each) => each !== undefined);
  /** @type {Agent[] | null} */
  let agents = desk.agents.length > 0 ? desk.agents : null;
  /** Whom the keys stand on: a person, so that a fresh list in another order changes nobody. @type {string | null} */
  let stands = null;
  const list = h("div", { class: "choices", role: "listbox", id: "receivers", "aria-label": say("agents") });
  const line = h("p", { class: "muted", role: "status" });
  const again = h("button", { type: "button", class: "action", hidden: true, onclick: load }, say("retry"));
  const field = h("input", {
    type: "text",
    class: "search",
    role: "combobox",
    autocomplete: "off",
    autofocus: true,
    "aria-label": say("find_agent"),
    placeholder: say("find_agent"),
    "aria-controls": "receivers",
    "aria-expanded": "true",
    "aria-autocomplete": "list",
  });
  let choose = (/** @type {string} */ _user) => {};

  async function load() {
    again.hidden = true;
    if (agents) draw();
    else setText(line, say("loading"));
    try {
      agents = await desk.readAgents();
      draw();
    } catch {
      setText(line, say("agents_failed"));
      again.hidden = false;
    }
  }

  function draw(step = 0) {
    const found = receivers(agents ?? [], without, field.value);
    const before = Math.max(
      0,
      found.findIndex(({ user }) => user === stands),
    );
    const active = Math.max(0, Math.min(before + step, found.length - 1));
    stands = found[active]?.user ?? null;
    list.replaceChildren(
      ...found.map(({ user, name, role, online }, index) =>
        h(
          "div",
          {
            class: index === active ? "choice active" : "choice",
            role: "option",
            id: `receiver-${index}`,
            dir: "auto",
            "aria-selected": String(index === active),
            "data-user": user,
            onclick: () => choose(user),
          },
          h("span", { class: online ? "presence online" : "presence", "aria-hidden": "true" }),
          h("span", { class: "choice-name", title: name }, name),
          h(
            "span",
            { class: "muted" },
            `${role === "supervisor" ? `${say("role.supervisor")} · ` : ""}${say(online ? "online" : "away")}`,
          ),
        ),
      ),
    );
    list.hidden = found.length === 0;
    setText(line, found.length > 0 ? "" : say(field.value ? "no_such_agent" : "no_other_agent"));
    if (found.length > 0) field.setAttribute("aria-activedescendant", `receiver-${active}`);
    else field.removeAttribute("aria-activedescendant");
    list.querySelector(".active")?.scrollIntoView({ block: "nearest" });
  }

  field.addEventListener("input", () => {
    stands = null;
    if (agents) draw();
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      draw(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (stands) choose(stands);
    }
  });
  return ask({
    room,
    words,
    title: say("transfer_to", { name: object?.customer.name ?? "" }),
    build(answer) {
      choose = answer;
      load();
      const box = h("div", { class: "dialog-body" });
      append(box, [field, list, line, again]);
      return [box];
    },
  });
}
