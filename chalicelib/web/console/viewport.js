/** Which rows of a long list are to be drawn: pure. */

/**
 * @param {{ top: number, height: number, row: number, count: number, spare?: number }} list pixels and a number of rows
 * @returns {{ from: number, to: number }} `to` is exclusive
 */
export function visible({ top, height, row, count, spare = 6 }) {
  const from = Math.max(0, Math.floor(top / row) - spare);
  return { from: Math.min(from, count), to: Math.min(count, Math.ceil((top + height) / row) + spare) };
}

/** Where to scroll so that a row is seen whole; `top` itself where it is. */
export function scrolledTo(
  /** @type {{ top: number, height: number, row: number }} */ { top, height, row },
  /** @type {number} */ index,
) {
  if (index * row < top) return index * row;
  return Math.max(top, (index + 1) * row - height);
}
