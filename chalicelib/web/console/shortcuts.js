/** The console's keys: pure. A key that somebody types into a field is never a command. */

/**
 * @typedef {{ key: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, isComposing: boolean, keyCode: number,
 *   code?: string, repeat?: boolean }} Key
 */

/** The list of keys, in its order: a dash stands between the ends of a range, the command's words beside the keys. */
export const SHORTCUTS = [
  { keys: ["j", "k"], command: "move" },
  { keys: ["Enter"], command: "open" },
  { keys: ["1", "–", "4"], command: "list" },
  { keys: ["/"], command: "search" },
  { keys: ["c"], command: "claim" },
  { keys: ["r"], command: "release" },
  { keys: ["t"], command: "transfer" },
  { keys: ["e"], command: "close" },
  { keys: ["w"], command: "watch" },
  { keys: ["i"], command: "write" },
  { keys: ["f"], command: "find" },
  { keys: ["p"], command: "previousVisit" },
  { keys: ["[", "]"], command: "neighbour" },
  { keys: ["Alt+1", "–", "9"], command: "nth" },
  { keys: ["x"], command: "putAway" },
  { keys: ["Escape"], command: "back" },
  { keys: ["?"], command: "help" },
];

/** @type {Record<string, readonly [string, (number | string)?]>} */
const PLAIN = {
  j: ["move", 1],
  k: ["move", -1],
  ArrowDown: ["move", 1],
  ArrowUp: ["move", -1],
  1: ["list", "waiting"],
  2: ["list", "mine"],
  3: ["list", "all"],
  4: ["list", "closed"],
  "/": ["search"],
  c: ["claim"],
  r: ["release"],
  t: ["transfer"],
  e: ["close"],
  w: ["watch"],
  i: ["write"],
  f: ["find"],
  p: ["previousVisit"],
  "[": ["neighbour", -1],
  "]": ["neighbour", 1],
  x: ["putAway"],
  Escape: ["back"],
  "?": ["help"],
};

// These belong to whatever has the focus: a button, a link, the log that scrolls.
const OF_THE_LIST = new Set(["ArrowDown", "ArrowUp"]);

/**
 * The command of a key, or null.
 * @param {Key} event @param {"field" | "list" | "elsewhere"} where the focus is
 * @returns {readonly [string, (number | string)?] | null}
 */
export function command(event, where) {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey) return null;
  // On some keyboards Alt and a digit make a sign, so that the place of the key counts.
  const digit = /^Digit([1-9])$/.exec(event.code ?? "")?.[1] ?? (/^[1-9]$/.test(event.key) ? event.key : null);
  if (event.altKey) return digit ? ["nth", Number(digit)] : null;
  if (where === "field") return event.key === "Escape" ? PLAIN.Escape : null;
  if (OF_THE_LIST.has(event.key) && where !== "list") return null;
  const found = Object.hasOwn(PLAIN, event.key) ? PLAIN[event.key] : null;
  // A key that is held goes on moving, and does nothing else twice.
  return event.repeat && found?.[0] !== "move" ? null : found;
}
