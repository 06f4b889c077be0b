/**
 * Customers and agents write to one another, as many messages as asked for, while the network cuts their sockets. Each
 * must be shown once and in order on both sides, at the end and at every moment before it.
 */

import { client, settings, until, fail } from "./people.js";
import { Watching } from "./watching.js";

const { store, agents, customers, each, within_s: within } = settings;
setTimeout(() => fail(new Error(report())), within * 1000).unref();

/** @type {Watching[]} */
const sides = [];
const counts = { connects: 0 };
/** What each heard in each conversation. @type {Map<string, any[]>} */
const heard = new Map();
const heardBy = (/** @type {string | null} */ user, /** @type {string} */ id) => {
  const key = `${user} ${id}`;
  return heard.get(key) ?? heard.set(key, []).get(key) ?? [];
};
const people = [...customers, ...agents].map((user) => {
  const person = client(user);
  person.on("resumed", () => counts.connects++);
  person.on("message", ({ message }) => heardBy(user, message.conversation).push(message));
  return person;
});
await Promise.all(
  people.map((person) =>
    until(
      (look) => person.on("status", look),
      () => person.status.state === "live",
    ),
  ),
);
const servers = people.slice(customers.length);

const talks = people.slice(0, customers.length).map(async (customer, number) => {
  const id = `${store}:${customer.user}`;
  const shopper = new Watching(customer, id, heardBy(customer.user, id));
  const server = servers[number % servers.length];
  sides.push(shopper);
  const first = shopper.send("0");
  await first;
  await until(shopper.onChange, () => shopper.messages.length > 0);
  const agent = new Watching(server, id, heardBy(server.user, id));
  sides.push(agent);
  await claimed(agent.conversation);
  for (let n = 1; n < each; n++) shopper.send(`${n}`);
  for (let n = 0; n < each; n++) agent.send(`${n}`);
  const all = () => agent.messages.length === 2 * each && shopper.messages.length === 2 * each;
  const settled = () => all() && !agent.conversation.view.pending.length && !shopper.conversation.view.pending.length;
  await until((look) => (agent.onChange(look), shopper.onChange(look)), settled);
  const sentBy = new Map([shopper, agent].map((side) => [side.client.user ?? "", side.sent]));
  shopper.judgeAll(sentBy);
  agent.judgeAll(sentBy);
});

/** @param {import("../../../chalicelib/web/lib/kefu.js").Conversation} conversation */
async function claimed(conversation) {
  for (;;) {
    try {
      return await conversation.claim();
    } catch (error) {
      if (!(/** @type {any} */ (error).retry)) throw error;
    }
  }
}

function report() {
  const shown = sides.map(({ name, messages, client, conversation: { view } }) =>
    [name, messages.length, `${view.pending.length} pending`, client.status.state].join(", "),
  );
  return [`not done after ${within} s`, JSON.stringify(counts), ...shown].join("\n");
}

await Promise.all(talks).catch(fail);
console.log(JSON.stringify({ messages: customers.length * each * 2, ...counts }));
for (const person of people) person.close();
