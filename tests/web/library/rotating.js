/** A client whose tokens last some seconds: it moves from socket to socket, and nobody notices. */

import { client, fail, settings, token, until } from "./people.js";
import { Watching } from "./watching.js";

const { store, agents, customers, rotations, within_s: within } = settings;
setTimeout(() => fail(new Error(`not done after ${within} s`)), within * 1000).unref();

let sockets = 0;
const Counted = class extends WebSocket {
  constructor(/** @type {string} */ url, /** @type {string[]} */ protocols) {
    super(url, protocols);
    sockets++;
  }
};
const id = `${store}:${customers[0]}`;
const shopper = client(customers[0]);
const agent = client(agents[0], { token: () => token(agents[0], 5), WebSocket: Counted });
/** @type {string[]} */
const states = [];
/** @type {any[]} */
const heard = [];
agent.on("message", ({ message, fresh }) => heard.push({ ...message, fresh }));
await until(
  (look) => agent.on("status", look),
  () => agent.status.state === "live",
);
agent.on("status", ({ state }) => states.push(state));
const side = new Watching(agent, id, heard);
const talk = shopper.conversation(id);
let sent = 0;
while (sockets <= rotations) {
  await talk.send(`${sent++}`);
  await until(side.onChange, () => side.messages.length === sent);
}
side.judgeAll(new Map([[customers[0], Array.from({ length: sent }, (_, n) => `${n}`)]]));
const stale = heard.filter(({ fresh }) => !fresh).length;
console.log(JSON.stringify({ sent, sockets, states, stale }));
for (const person of [shopper, agent]) person.close();
