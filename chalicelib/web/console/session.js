/**
 * Who is signed in on the stand-alone page: in memory and in this tab's sessionStorage, and nowhere else. A demo
 * identity is kept by its name, and gets a fresh token at each connect.
 */

import { asked } from "./service.js";

/** @typedef {{ token: string } | { demo: string, name: string }} Credential */

const KEPT = "kefu.console.session";

/** What a JWT says about itself; null where it is none. Nothing is verified here: the service does that. */
export function claims(/** @type {string} */ token) {
  try {
    const body = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (each) => each.charCodeAt(0));
    const said = JSON.parse(new TextDecoder().decode(bytes));
    return typeof said.sub === "string" && typeof said.exp === "number" ? said : null;
  } catch {
    return null;
  }
}

/** Why a pasted token cannot be used, as the end of a word's key, or null. */
export function fault(/** @type {string} */ token, now = Date.now()) {
  const said = claims(token);
  if (!said) return "malformed";
  return said.exp * 1000 <= now ? "expired" : null;
}

/** @param {Storage} storage this tab's @param {string | null} devTokens where demo identities get their tokens */
export function createSession(storage, devTokens) {
  /** @type {Credential | null} */
  let credential = read(storage);
  return {
    get credential() {
      return credential;
    },
    signIn(/** @type {Credential} */ next) {
      credential = next;
      storage.setItem(KEPT, JSON.stringify(next));
    },
    signOut() {
      credential = null;
      storage.removeItem(KEPT);
    },
    /** A token that is good now, or null: then somebody has to sign in. */
    async token() {
      if (!credential) return null;
      if ("token" in credential) return fault(credential.token) ? null : credential.token;
      if (!devTokens) return null;
      const body = JSON.stringify({ sub: credential.demo, name: credential.name });
      return (await asked(devTokens, { method: "POST", body })).token;
    },
  };
}

/** @returns {Credential | null} */
function read(/** @type {Storage} */ storage) {
  try {
    const kept = JSON.parse(storage.getItem(KEPT) ?? "null");
    return kept && (typeof kept.token === "string" || typeof kept.demo === "string") ? kept : null;
  } catch {
    return null;
  }
}
