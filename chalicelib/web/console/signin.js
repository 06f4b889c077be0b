/** The form where an agent signs in: a token, or where the service has them, one of the demo identities. */

import { h, setText } from "../chat/dom.js";
import { asked } from "./service.js";
import { fault } from "./session.js";

/** @typedef {{ user: string, name: string, store: string, role: string }} Identity */

/**
 * @param {{ words: import("../chat/words.js").Words, devTokens: string | null, why?: string | null,
 *   onSignIn: (credential: import("./session.js").Credential) => void }} parts `why`: the end of a word's key
 */
export function createSignIn({ words, devTokens, why = null, onSignIn }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const field = h("textarea", {
    class: "search token",
    id: "token",
    rows: 4,
    spellcheck: false,
    autocomplete: "off",
    autocapitalize: "off",
    dir: "ltr",
    "aria-describedby": "token-fault",
    placeholder: "eyJ…",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      submit();
    },
  });
  const wrong = h("p", { class: "wrong", id: "token-fault", role: "alert" }, why ? say(`token.${why}`) : "");
  const demo = h("div", { class: "demo" });
  const element = h(
    "form",
    {
      class: "sign-in",
      noValidate: true,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit();
      },
    },
    h("label", { for: "token" }, say("token.label")),
    field,
    wrong,
    h("button", { type: "submit", class: "action primary" }, say("sign_in")),
    demo,
  );

  function submit() {
    const token = field.value.replace(/^\s*Bearer\s+/i, "").replace(/\s+/g, "");
    const found = token ? fault(token) : "missing";
    setText(wrong, found ? say(`token.${found}`) : "");
    field.setAttribute("aria-invalid", String(found !== null));
    if (found) field.focus();
    else onSignIn({ token });
  }

  async function offerDemo(/** @type {string} */ address) {
    try {
      const { identities } = await asked(address);
      if (identities.length === 0) return;
      demo.append(
        h("h2", null, say("demo")),
        h(
          "ul",
          null,
          identities.map((/** @type {Identity} */ each) =>
            h(
              "li",
              null,
              h(
                "button",
                {
                  type: "button",
                  class: "choice",
                  "data-user": each.user,
                  onclick: () => onSignIn({ demo: each.user, name: each.name }),
                },
                h("span", { class: "choice-name", dir: "auto" }, each.name),
                h("span", { class: "muted", dir: "auto" }, `${each.store} · ${say(`role.${each.role}`)}`),
              ),
            ),
          ),
        ),
      );
    } catch {
      // The demo is an offer; a token can be pasted all the same.
      setText(demo, say("demo_failed"));
    }
  }
  if (devTokens) offerDemo(devTokens);

  return { element, focus: () => field.focus() };
}
