/** What a message says, with its links told apart. Pure but for `textNodes`. */
import { h } from "./dom.js";

// A link ends at blanks, quotes and angle brackets, at Chinese punctuation and at Chinese characters, which follow an
// address without a blank; and at signs that turn the direction of writing, which could make one look like another.
const CHINESE = "\\p{Script=Han}\\u3000-\\u303f\\uff00-\\uffef\\u2018-\\u201d\\u2026";
const LINK = new RegExp(`\\bhttps?://[^\\s<>"\`${CHINESE}\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]+`, "giu");
const TRAILING = /^[.,;:!?'*_~)\]}]$/;
const OPENERS = { ")": "(", "]": "[", "}": "{" };

/** Without the punctuation behind it; a closing bracket stays when it was opened within. */
function trimmed(link) {
  const unopened = (closer) => link.split(closer).length - link.split(OPENERS[closer]).length;
  const surplus = { ")": unopened(")"), "]": unopened("]"), "}": unopened("}") };
  let end = link.length;
  for (; TRAILING.test(link[end - 1]); end -= 1) {
    const closer = link[end - 1];
    if (OPENERS[closer] && surplus[closer]-- <= 0) break;
  }
  return link.slice(0, end);
}

/** The address to follow, or null: an address with a user name in it mostly wants to look like another. */
function address(link) {
  try {
    const url = new URL(link);
    return url.hostname && !url.username && !url.password ? url.href : null;
  } catch {
    return null;  // nothing is lost: what is no address is shown as the text that it is
  }
}

/**
 * @typedef {{ text: string, href?: string }} Part
 * @param {string} text
 * @returns {Part[]} joined they are the text again
 */
export function parts(text) {
  const found = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(LINK)) {
    const link = trimmed(match);
    const href = address(link);
    if (!href) continue;
    if (index > end) found.push({ text: text.slice(end, index) });
    found.push({ text: link, href });
    end = index + link.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/**
 * Nodes for an element with `white-space: pre-wrap`.
 * @param {string} text
 * @returns {Node[]}
 */
export function textNodes(text) {
  const rel = "noopener noreferrer nofollow ugc";
  return parts(text).map(({ text, href }) => href ? h("a", { href, rel, target: "_blank" }, text) : new Text(text));
}

/**
 * Whether a text is so long that a log folds it.
 * @param {string} text
 */
export function isLong(text) {
  if (text.length > 1600) return true;
  let lines = 0;
  for (const line of text.split("\n")) lines += 1 + Math.floor(line.length / 48);
  return lines > 20;
}
