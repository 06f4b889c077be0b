/** Times as people say them: `14:05`, `Yesterday 14:05`. Pure; ms since the epoch, in the reader's time zone. */

const formats = new Map();

function format(lang, options) {
  const key = lang + JSON.stringify(options);
  // "en" alone would write the month first and count to twelve.
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, options));
  return formats.get(key);
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DATE = { day: "numeric", month: "short" };
const EXACT = { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" };

/** Midnights are counted in the reader's time zone, so that a day with 23 hours is one day. */
function daysApart(ms, now) {
  const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(ms)) / 86_400_000);
}

function date(ms, now, lang, more) {
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return format(lang, { ...DATE, ...more, ...(sameYear ? {} : { year: "numeric" }) }).format(ms);
}

/**
 * Whether both lie on one day of the reader's.
 * @param {number} a
 * @param {number} b
 */
export const sameDay = (a, b) => daysApart(a, b) === 0;

/**
 * @param {number} ms
 * @param {string} lang
 * @returns {string} "14:05"
 */
export const clock = (ms, lang) => format(lang, CLOCK).format(ms);

/**
 * As short as a list wants it.
 * @param {number} ms
 * @param {number} now
 * @param {string} lang
 * @param {import("./words.js").Words} words
 * @returns {string} "14:05", "Yesterday 14:05", "23 Nov" or "23 Nov 2025"
 */
export function moment(ms, now, lang, words) {
  const days = daysApart(ms, now);
  if (days <= 0) return clock(ms, lang);
  return days === 1 ? words.say("chat.yesterday_at", { time: clock(ms, lang) }) : date(ms, now, lang);
}

/**
 * The name of a day, for a divider.
 * @param {number} ms
 * @param {number} now
 * @param {string} lang
 * @param {import("./words.js").Words} words
 * @returns {string} "Today", "Yesterday", "Mon 23 Nov" or "Sun 23 Nov 2025"
 */
export function day(ms, now, lang, words) {
  const days = daysApart(ms, now);
  if (days <= 0) return words.say("chat.today");
  return days === 1 ? words.say("chat.yesterday") : date(ms, now, lang, { weekday: "short" }).replace(",", "");
}

/**
 * @param {number} ms a duration; below nothing is nothing
 * @returns {string} "1:52" or "1:02:03"
 */
export function elapsed(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * @param {number} ms
 * @param {string} lang
 * @returns {string} the whole of it, for hover
 */
export const exact = (ms, lang) => format(lang, EXACT).format(ms);
