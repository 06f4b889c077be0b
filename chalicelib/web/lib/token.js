/**
 * Tokens. The library believes nothing that a token says: the service checks, we only read the name tag.
 *
 * @import { Options } from "./kefu.js"
 */

/**
 * Ask the page for a token, and where to go with it. `claims` is null where nobody is signed in. Rejects where the
 * page's own functions throw, and for what is no JWT.
 * @param {Pick<Options, "url" | "token">} options
 */
export async function askForToken(options) {
  const [token, url] = await Promise.all([
    options.token(),
    typeof options.url === "function" ? options.url() : options.url,
  ]);
  if (token === null || token === undefined) return { token: "", url, claims: null };
  const claims = readToken(token);
  if (!claims) throw new TypeError("The token is no JWT with `sub` and `exp`.");
  return { token, url, claims };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * The user (`sub`) and the time of expiry (ms) of a token; null for what is no JWT.
 * @param {unknown} token
 * @returns {{ user: string, expiresAt: number } | null}
 */
export function readToken(token) {
  if (typeof token !== "string") return null;
  try {
    const { sub, exp } = JSON.parse(bytes(token.split(".")[1]));
    return typeof sub === "string" && typeof exp === "number" ? { user: sub, expiresAt: exp * 1000 } : null;
  } catch {
    return null;
  }
}

// By hand, since not every engine for phones has `atob`. One character a byte is enough: what we read is ASCII.
/** @param {string} base64url */
function bytes(base64url) {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const character of base64url.replace(/=+$/, "")) {
    const digit = DIGITS.indexOf(character);
    if (digit < 0) throw new SyntaxError("not base64url");
    held = ((held << 6) | digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      text += String.fromCharCode((held >> bits) & 0xff);
    }
  }
  return text;
}
