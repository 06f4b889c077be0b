/** A button with a small menu, by the pattern of the ARIA guide: arrows move, Escape closes, Tab leaves. */
import { h, icon } from "../chat/dom.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {boolean} [checked] makes it a switch
 * @property {() => void} run
 */

/**
 * @param {object} options
 * @param {string} options.label
 * @param {() => Item[]} options.items asked at each opening
 */
export function createMenu({ label, items }) {
  const list = h("div", { class: "menu", role: "menu", id: "kefu-menu", "aria-label": label, hidden: true });
  const button = h("button", {
    type: "button", class: "k-plain k-round", onclick: () => (list.hidden ? open() : close()), title: label,
    "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": "kefu-menu",
  }, icon("more"));
  const element = h("div", { class: "more", onkeydown: pressed, onfocusout: left }, button, list);

  function item({ label: text, checked, run }) {
    return h("button", {
      type: "button", class: "k-plain", tabIndex: -1, onclick: () => { close(); button.focus(); run(); },
      role: checked == null ? "menuitem" : "menuitemcheckbox", "aria-checked": checked,
    }, text, checked != null && h("span", { class: "switch", "aria-hidden": "true" }));
  }

  function open(at = 0) {
    list.replaceChildren(...items().map(item));
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    list.children[at < 0 ? list.children.length - 1 : at]?.focus();
  }

  function close() {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
  }

  function pressed(event) {
    if (list.hidden) {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      open(event.key === "ArrowUp" ? -1 : 0);
    } else if (!move(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function move(key) {
    const all = [...list.children];
    const at = all.indexOf(list.getRootNode().activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[key];
    if (key === "Escape") {
      close();
      button.focus();
      return true;
    }
    if (to === undefined) return false;
    all.at(to % all.length)?.focus();
    return true;
  }

  function left(event) {
    if (!element.contains(event.relatedTarget)) close();
  }

  return { element, close };
}
