/**
 * The languages to try, the most wanted first: what the embedding asks for, else what the page is in, else what the
 * reader's browser is in.
 * @param {{ wanted?: string | null, page?: string | null, browser?: readonly string[] }} known
 * @returns {string}
 */
export function languageOf({ wanted, page, browser = [] }) {
  return wanted?.trim() || page?.trim() || browser[0] || "en";
}

/**
 * The side of the window for the button: where the eye ends, unless the page says another.
 * @param {string | null | undefined} wanted
 * @param {"ltr" | "rtl"} dir
 * @returns {"left" | "right"}
 */
export function sideOf(wanted, dir) {
  if (wanted === "left" || wanted === "right") return wanted;
  return dir === "rtl" ? "left" : "right";
}
