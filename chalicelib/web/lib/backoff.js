/**
 * How long to wait before attempt number `failures` + 1: anything up to a bound that doubles (full jitter), so that
 * clients which lost the service at the same moment do not come back at the same moment.
 * @param {number} failures  attempts that have failed in a row
 * @param {{ least: number, most: number }} bounds  ms
 * @param {() => number} random  0 ≤ r < 1
 */
export function backoff(failures, { least, most }, random) {
  return Math.round(random() * Math.min(most, least * 2 ** Math.min(failures, 30)));
}
