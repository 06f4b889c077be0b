/**
 * Which entries of the offline list this client holds, and what to acknowledge: pure functions over a frozen object.
 *
 * @typedef {object} Offsets
 * @property {number | null} held  everything up to here is held, or will never come; null: not known yet
 * @property {readonly number[]} ahead  held beyond a gap, ascending
 * @property {number} acked  what the service was told last
 * @property {number} owed  entries received since
 * @property {number | null} since  when the first of these came
 */

/** @type {Offsets} */
export const NONE = Object.freeze({ held: null, ahead: Object.freeze([]), acked: 0, owed: 0, since: null });

/**
 * An entry is held. A replay is in order and lacks nothing, so that its gaps are final; live ones may overtake.
 * @param {Offsets} offsets
 * @param {number} offset
 * @param {boolean} replay
 * @param {number} at
 * @returns {Offsets}
 */
export function received(offsets, offset, replay, at) {
  if (replay) {
    // What is replayed was not acknowledged as far as the service knows: our last ack did not arrive.
    const acked = Math.min(offsets.acked, offset - 1);
    return advance({ ...owing(offsets, at), acked, held: Math.max(offsets.held ?? 0, offset) });
  }
  if ((offsets.held !== null && offset <= offsets.held) || offsets.ahead.includes(offset)) return offsets;
  const ahead = [...offsets.ahead, offset].sort((one, other) => one - other);
  return advance({ ...owing(offsets, at), ahead });
}

/**
 * A replay has ended that began when `newest` was the newest offset: what has not come by now never will.
 * @param {Offsets} offsets
 * @param {number} newest
 * @returns {Offsets}
 */
export function complete(offsets, newest) {
  return advance({ ...offsets, held: Math.max(offsets.held ?? 0, newest) });
}

/** @param {Offsets} offsets  the highest offset that has come */
export const highest = (offsets) => offsets.ahead[offsets.ahead.length - 1] ?? offsets.held ?? 0;

/** @param {Offsets} offsets  what an ack may say, or null where it would say nothing new */
export const ackable = (offsets) => (offsets.held !== null && offsets.held > offsets.acked ? offsets.held : null);

/**
 * When an ack that found no frame to ride on gets one of its own (ms), null: never. `most` entries may wait for it.
 * @param {Offsets} offsets
 * @param {number} most
 * @param {number} after
 */
export function dueAt(offsets, most, after) {
  if (ackable(offsets) === null || offsets.since === null) return null;
  return offsets.owed >= most ? offsets.since : offsets.since + after;
}

/**
 * An ack has been written.
 * @param {Offsets} offsets
 * @param {number} at
 * @returns {Offsets}
 */
export const acknowledged = (offsets, at) =>
  Object.freeze({
    ...offsets,
    acked: offsets.held ?? offsets.acked,
    owed: offsets.ahead.length,
    since: offsets.ahead.length ? at : null,
  });

/**
 * A connection begins: `entries` will be replayed, up to `newest`.
 * @param {Offsets} offsets
 * @param {number} newest
 * @param {number} entries
 * @returns {Offsets}
 */
export function welcomed(offsets, newest, entries) {
  if (entries) return offsets;
  return complete({ ...offsets, acked: Math.max(offsets.acked, newest) }, newest);
}

/** @param {Offsets} offsets @param {number} at */
const owing = (offsets, at) => ({ ...offsets, owed: offsets.owed + 1, since: offsets.since ?? at });

/** @param {Offsets} offsets @returns {Offsets} */
function advance({ held, ahead, ...rest }) {
  if (held === null) return Object.freeze({ held, ahead: Object.freeze(ahead), ...rest });
  let taken = 0;
  while (taken < ahead.length && ahead[taken] <= held + 1) held = Math.max(held, ahead[taken++]);
  return Object.freeze({ held, ahead: Object.freeze(ahead.slice(taken)), ...rest });
}
