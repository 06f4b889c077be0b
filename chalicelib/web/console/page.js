/** The stand-alone page: it signs in by itself. `#as=li` signs a demo identity in, where the service has them. */

import { h } from "../chat/dom.js";
import { loadWords } from "../chat/words.js";
import { start } from "./app.js";
import { asked, settings } from "./service.js";
import { createSession } from "./session.js";
import { storage } from "./storage.js";

const base = new URL(".", document.baseURI).href;
const element = /** @type {HTMLElement} */ (document.getElementById("console"));

/** Sign in whom the address names; true where it names somebody. */
async function signInByAddress(
  /** @type {ReturnType<typeof createSession>} */ session,
  /** @type {string | null} */ devTokens,
) {
  const user = new URLSearchParams(location.hash.slice(1)).get("as");
  if (!user || !devTokens) return false;
  const { credential } = session;
  if (credential && "demo" in credential && credential.demo === user) return false;
  const { identities } = await asked(devTokens);
  const found = identities.find((/** @type {{ user: string }} */ each) => each.user === user);
  if (!found) return false;
  session.signIn({ demo: found.user, name: found.name });
  return true;
}

async function begin() {
  const { dev_tokens } = await settings(base);
  const devTokens = dev_tokens === null ? null : new URL(dev_tokens, base).href;
  const session = createSession(storage("sessionStorage"), devTokens);
  await signInByAddress(session, devTokens);
  const open = () => start({ base, element, token: session.token, page: { session, devTokens } });
  let app = open();
  window.addEventListener("hashchange", async () => {
    if (!(await signInByAddress(session, devTokens))) return;
    app.unmount();
    app = open();
  });
}

async function apologise() {
  const words = await loadWords(navigator.languages);
  element.replaceChildren(
    h("p", { role: "alert" }, words.say("console.door.unreachable")),
    h("p", null, h("button", { type: "button", onclick: () => location.reload() }, words.say("console.retry"))),
  );
}

begin().catch(apologise);
