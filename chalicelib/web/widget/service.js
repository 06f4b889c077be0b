/** The way from a page to the service: its settings, the shopper's token, and one client for all of its widgets. */
import { connect } from "../lib/kefu.js";

/** The service does not take connections from pages of this origin. */
export class Refused extends Error {}

/**
 * @typedef {object} Service
 * @property {() => Promise<{ socket: string }>} settings rejects with Refused, or with whatever the network says
 * @property {() => import("../lib/kefu.d.ts").Client} client connects at the first call
 * @property {(listener: (reason: Refused) => void) => () => void} onRefused
 * @property {() => void} leave the last widget to leave hangs up
 */

const services = new Map();

/**
 * The page's way to the service at `base` for whoever `token` tells; widgets with the same two share it.
 * @param {string} base
 * @param {string | (() => Promise<string | null>) | null} token an address, or a function
 * @returns {Service}
 */
export function join(base, token) {
  const tokens = services.get(base) ?? services.set(base, new Map()).get(base);
  const service = tokens.get(token) ?? tokens.set(token, create(base, token, () => tokens.delete(token))).get(token);
  service.widgets += 1;
  return service;
}

function create(base, token, forget) {
  const listeners = new Set();
  let settings = null;
  let client = null;

  function ask() {
    settings ??= settingsOf(base).catch((error) => {
      settings = null;
      if (error instanceof Refused) for (const listener of listeners) listener(error);
      throw error;
    });
    return settings;
  }

  return {
    widgets: 0,
    settings: ask,
    client() {
      client ??= connect({ url: async () => (await ask()).socket, token: tokenSource(token) });
      return client;
    },
    onRefused(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    leave() {
      this.widgets -= 1;
      if (this.widgets > 0) return;
      client?.close();
      forget();
    },
  };
}

async function settingsOf(base) {
  const response = await fetch(new URL("settings.json", base), { credentials: "omit" });
  if (response.status === 403) {
    throw new Refused(
      `kefu: pages of ${location.origin} may not connect to ${base}: add ${location.origin} to its ALLOWED_ORIGINS.`,
    );
  }
  if (!response.ok) throw new Error(`kefu: ${base}settings.json answered ${response.status}.`);
  const { socket } = await response.json();
  return { socket: socketAddress(socket, base) };
}

/**
 * @param {string} socket as the service says it; may be relative
 * @param {string} base
 */
export function socketAddress(socket, base) {
  const address = new URL(socket, base);
  if (address.protocol === "http:") address.protocol = "ws:";
  if (address.protocol === "https:") address.protocol = "wss:";
  return address.href;
}

function tokenSource(token) {
  if (typeof token === "function") return token;
  if (typeof token === "string") return () => fetchToken(token);
  return async () => null;
}

/**
 * The shopper's token from the shop's own back end; null where nobody is signed in.
 * @param {string} address
 * @returns {Promise<string | null>}
 */
export async function fetchToken(address) {
  const response = await fetch(address, {
    credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" },
  });
  if (response.status === 401 || response.status === 403 || response.status === 204) return null;
  // Many shops answer whoever is not signed in with their sign-in page.
  if (response.redirected && !response.headers.get("Content-Type")?.includes("json")) return null;
  if (!response.ok) throw new Error(`kefu: ${address} answered ${response.status}, no token.`);
  return (await response.json())?.token ?? null;
}
