/**
 * A customer and the agent who has claimed the conversation write to one another at people's pace, faster by `factor`,
 * and so are the library's clocks for what it says by itself. Every frame on either socket is counted.
 */

import { client, fail, settings, until } from "../web/library/people.js";
import { timing } from "../../chalicelib/web/lib/environment.js";

const { store, agents, customers, messages, factor, as_pages: asPages, within_s: within } = settings;
setTimeout(() => fail(new Error(`not done after ${within} s`)), within * 1000).unref();

/** What was written and what came, by kind; null until the conversation has begun. @type {Map<string, number> | null} */
let counts = null;
const count = (/** @type {string} */ kind) => counts?.set(kind, (counts.get(kind) ?? 0) + 1);

/** Whether what is written now is the ping that keeps a quiet connection open; other pings are acknowledgements. */
let itsTime = false;

class Counted extends WebSocket {
  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    super(url, protocols);
    this.addEventListener("message", ({ data }) => count(`${JSON.parse(data).type} out`));
  }

  /** @param {string} text */
  send(text) {
    const { action } = JSON.parse(text);
    count(`${action === "ping" && itsTime ? "keep-alive" : action} in`);
    super.send(text);
  }
}

const faster = Object.fromEntries(
  ["ackAfter", "ping", "typingEvery", "typingLapses"].map((name) => [name, Reflect.get(timing, name) / factor]),
);
faster.ping += 0.001; // no other clock is set to exactly that
const later = (/** @type {() => void} */ callback, /** @type {number} */ ms) =>
  setTimeout(() => {
    itsTime = ms === faster.ping;
    callback();
    itsTime = false;
  }, ms);
const [customer, agent] = [...customers, ...agents].map((user) =>
  client(user, { WebSocket: Counted }, { timing: faster, setTimeout: later }),
);
const live = (/** @type {any} */ one) =>
  until(
    (look) => one.on("status", look),
    () => one.status.state === "live",
  );
await Promise.all([live(customer), live(agent)]);

const id = `${store}:${customer.user}`;
const sides = [customer, agent].map((person) => person.conversation(id));
const [asked, answering] = sides;
/** @type {Set<() => void>} */
const looks = new Set();
for (const side of sides) {
  side.subscribe((view) => {
    if (asPages && counts && view.unread) side.read();
    for (const look of looks) look();
  });
}
const shown = (/** @type {number} */ number) =>
  until(
    (look) => looks.add(look),
    () => sides.every(({ view }) => view.messages.length === number && view.pending.length === 0),
  );
asked.send("Hello");
await until(
  (look) => looks.add(look),
  () => asked.view.messages.length === 1,
);
await answering.claim();
await shown(1);

// The same conversation each time: turns of one to three messages, a few seconds apart, and longer until the answer.
let seed = 7;
const chance = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const seconds = (/** @type {number} */ least, /** @type {number} */ most) =>
  new Promise((resolve) => setTimeout(resolve, (1000 * (least + (most - least) * chance())) / factor));
const text = "x".repeat(100);
await seconds(70, 70); // what was said until here is acknowledged
counts = new Map();
const began = performance.now();
for (let said = 0, side = 1; said < messages; side = 1 - side) {
  const turn = Math.min(messages - said, 1 + Math.floor(3 * chance()));
  await seconds(5, 40);
  for (let n = 0; n < turn; n++) {
    for (let strokes = 3 + Math.floor(10 * chance()); strokes; strokes--) {
      if (asPages) sides[side].typing(true);
      await seconds(1, 1);
    }
    sides[side].send(text);
  }
  said += turn;
}
await shown(messages + 1);
const minutes = ((performance.now() - began) * factor) / 60_000;
await seconds(70, 70); // so are the last ones
console.log(JSON.stringify({ minutes, ...Object.fromEntries(counts) }));
customer.close();
agent.close();
