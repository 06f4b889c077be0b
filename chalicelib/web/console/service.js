/** What the console asks over HTTP: the stores that somebody serves, a store's numbers, its agents. */

/** @typedef {{ store: string, name: string, role: string }} Post a store and the role in which it is served */
/** @typedef {{ user: string, name: string, role: string, online: boolean }} Agent */

/** A refusal: `code` is the service's, `unreachable` where nothing answered, `signed out` where there is no token. */
export class Refused extends Error {
  constructor(/** @type {string} */ code, message = code) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/**
 * @param {{ base: string, token: () => Promise<string | null> }} where
 * @returns {{
 *   settings(): Promise<{ socket: string, dev_tokens: string | null }>,
 *   stores(): Promise<Post[]>,
 *   numbers(store: string): Promise<{ waiting: number, claimed: number }>,
 *   agents(store: string): Promise<Agent[]>,
 * }}
 */
export function createService({ base, token }) {
  async function get(/** @type {string} */ path) {
    const bearer = await token();
    if (!bearer) throw new Refused("signed out");
    return asked(new URL(path, base), { headers: { Authorization: `Bearer ${bearer}` } });
  }
  return {
    settings: () => settings(base),
    stores: async () => (await get("stores")).stores,
    numbers: (store) => get(`stores/${encodeURIComponent(store)}`),
    agents: async (store) => (await get(`stores/${encodeURIComponent(store)}/agents`)).agents,
  };
}

/** Where the service listens. @returns {Promise<{ socket: string, dev_tokens: string | null }>} */
export function settings(/** @type {string} */ base) {
  return asked(new URL("settings.json", base), { cache: "no-cache" });
}

/** The answer as JSON; throws Refused. */
export async function asked(/** @type {URL | string} */ address, /** @type {RequestInit} */ options = {}) {
  const response = await fetch(address, { credentials: "omit", ...options }).catch((error) => {
    throw new Refused("unreachable", String(error));
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(body?.code ?? codeOf(response.status), body?.message);
  if (body === null) throw new Refused("unreachable", "no JSON");
  return body;
}

// A proxy in between answers without our codes.
function codeOf(/** @type {number} */ status) {
  if (status === 401) return "unauthorized";
  return status < 500 ? "forbidden" : "unavailable";
}

/** The socket's address, which may be relative to the service's. */
export function socketAddress(/** @type {string} */ socket, /** @type {string} */ base) {
  const address = new URL(socket, base);
  if (address.protocol === "http:") address.protocol = "ws:";
  if (address.protocol === "https:") address.protocol = "wss:";
  return address.href;
}
