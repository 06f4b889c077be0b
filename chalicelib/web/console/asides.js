/** The two dialogs about the console itself: its settings, and its keys. */

import { h, setText } from "../chat/dom.js";
import { languages } from "../chat/words.js";
import { ask } from "./dialog.js";
import { fault } from "./preferences.js";
import { SHORTCUTS } from "./shortcuts.js";

const THEMES = ["system", "light", "dark"];

/** @param {{ room: Element, words: import("../chat/words.js").Words }} parts */
export function showKeys({ room, words }) {
  const say = (/** @type {string} */ key) => words.say(`console.${key}`);
  return ask({
    room,
    words,
    title: say("keys"),
    wide: true,
    build: () => [
      h(
        "dl",
        { class: "keys", tabIndex: 0 },
        SHORTCUTS.map(({ keys, command }) =>
          h(
            "div",
            null,
            h(
              "dt",
              null,
              keys.map((each) => (each === "–" ? each : h("kbd", null, each))),
            ),
            h("dd", null, say(`key.${command}`)),
          ),
        ),
      ),
    ],
  });
}

/**
 * @param {{ room: Element, words: import("../chat/words.js").Words,
 *   alerts: ReturnType<import("./alerts.js").createAlerts>,
 *   preferences: ReturnType<import("./preferences.js").createPreferences>, ownLanguage: boolean }} parts
 *   `ownLanguage`: it is the agent's to choose, and not the page's around
 */
export function showSettings({ room, words, preferences, alerts, ownLanguage }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const { long_s, late_s, sound } = preferences.current;
  const number = (/** @type {string} */ id, /** @type {number} */ value) =>
    h("input", {
      type: "number",
      id,
      class: "search short",
      min: 1,
      step: 1,
      inputMode: "numeric",
      value,
      oninput: thresholds,
      "aria-describedby": "threshold-fault",
    });
  const long = number("long", long_s);
  const late = number("late", late_s);
  const wrong = h("p", { class: "wrong", id: "threshold-fault", role: "alert" });
  const noise = h("input", {
    type: "checkbox",
    id: "sound",
    checked: sound,
    onchange: () => {
      preferences.set({ sound: noise.checked });
      if (noise.checked) alerts.play();
    },
  });
  const notify = h("input", {
    type: "checkbox",
    id: "notify",
    onchange: () => preferences.set({ notify: notify.checked }),
  });
  const line = h("span", { class: "muted" });
  const allow = h(
    "button",
    {
      type: "button",
      class: "action",
      onclick: async () => {
        await alerts.allow();
        draw();
      },
    },
    say("notify_allow"),
  );

  // At once, as everything here: there is nothing to save.
  function thresholds() {
    const [first, second] = [long.valueAsNumber, late.valueAsNumber];
    const found = fault(first, second);
    setText(wrong, found ? say(`thresholds_${found}`) : "");
    for (const each of [long, late]) each.setAttribute("aria-invalid", String(found !== null));
    if (!found) preferences.set({ long_s: first, late_s: second });
  }

  function draw() {
    const { permission } = alerts;
    allow.hidden = permission !== "default";
    notify.checked = permission === "granted" && preferences.current.notify;
    notify.disabled = permission !== "granted";
    setText(line, permission === "granted" || permission === "default" ? "" : say(`notify_${permission}`));
  }

  draw();
  return ask({
    room,
    words,
    title: say("settings"),
    build: () => [
      h(
        "div",
        { class: "dialog-body settings" },
        h("h3", null, say("waits.title")),
        h(
          "p",
          { class: "field" },
          h(
            "label",
            { for: "long" },
            h("span", { class: "shape long", "aria-hidden": "true" }, "▲"),
            say("waits.long_after"),
          ),
          long,
          say("seconds"),
        ),
        h(
          "p",
          { class: "field" },
          h(
            "label",
            { for: "late" },
            h("span", { class: "shape late", "aria-hidden": "true" }, "◆"),
            say("waits.late_after"),
          ),
          late,
          say("seconds"),
        ),
        wrong,
        h("h3", null, say("alerts")),
        h("p", { class: "field" }, noise, h("label", { for: "sound" }, say("sound"))),
        h("p", { class: "field" }, notify, h("label", { for: "notify" }, say("notify")), allow),
        line,
        h("h3", null, say("appearance")),
        choice(
          "theme",
          THEMES.map((each) => [each, say(`theme.${each}`)]),
          preferences.current.theme,
        ),
        ownLanguage
          ? choice(
              "lang",
              languages.map((each) => [each, nameOf(each)]),
              words.lang,
            )
          : null,
      ),
    ],
  });

  function choice(/** @type {"theme" | "lang"} */ key, /** @type {string[][]} */ options, /** @type {string} */ value) {
    const select = h(
      "select",
      { id: key, class: "search short", onchange: () => preferences.set({ [key]: select.value }) },
      options.map(([each, name]) => h("option", { value: each, selected: each === value }, name)),
    );
    return h("p", { class: "field" }, h("label", { for: key }, say(`${key}_label`)), select);
  }
}

/** A language by its own name: a region is there to tell scripts apart, and no reader calls it so. */
export function nameOf(/** @type {string} */ lang) {
  const { language, script, region } = new Intl.Locale(lang).maximize();
  const tag = lang.includes("-") && region ? `${language}-${script}` : lang;
  return new Intl.DisplayNames(lang, { type: "language" }).of(tag) ?? lang;
}
