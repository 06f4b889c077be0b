/**
 * A customer and an agent write without a pause; half way the program says so, and the test kills the service and
 * starts it again. At the end both have everything, once and in order.
 */

import { client, fail, settings, until } from "./people.js";
import { Watching } from "./watching.js";

const { store, agents, customers, each, within_s: within } = settings;
setTimeout(() => fail(new Error(`not done after ${within} s`)), within * 1000).unref();

const id = `${store}:${customers[0]}`;
const sides = [customers[0], agents[0]].map((user) => {
  const person = client(user);
  /** @type {any[]} */
  const heard = [];
  person.on("message", ({ message }) => heard.push(message));
  return new Watching(person, id, heard);
});
const [shopper, agent] = sides;
await shopper.send("0");
await until(agent.onChange, () => agent.messages.length === 1);
await agent.conversation.claim();
for (let n = 1; n < each; n++) shopper.send(`${n}`);
for (let n = 0; n < each; n++) agent.send(`${n}`);
await until(shopper.onChange, () => shopper.messages.length >= each);
console.log("half way");
const done = () =>
  sides.every(({ messages, conversation }) => messages.length === 2 * each && !conversation.view.pending.length);
await until((look) => sides.forEach((side) => side.onChange(look)), done);
const sentBy = new Map(sides.map((side) => [side.client.user ?? "", side.sent]));
for (const side of sides) side.judgeAll(sentBy);
console.log(JSON.stringify({ messages: agent.messages.length }));
for (const side of sides) side.client.close();
