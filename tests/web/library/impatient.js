/** A client that asks for much at once: it keeps below what the service allows, so that nothing is refused. */

import { client, fail, settings } from "./people.js";

setTimeout(() => fail(new Error(`not done after ${settings.within_s} s`)), settings.within_s * 1000).unref();

const counts = { frames: 0, limited: 0 };
const Counted = class extends WebSocket {
  constructor(/** @type {string} */ url, /** @type {string[]} */ protocols) {
    super(url, protocols);
    this.addEventListener(
      "message",
      ({ data }) => (counts.limited += JSON.parse(data).code === "rate_limited" ? 1 : 0),
    );
  }

  send(/** @type {string} */ text) {
    counts.frames++;
    super.send(text);
  }
};
const person = client(settings.customers[0], { WebSocket: Counted, rate: settings.rate });
await Promise.all(Array.from({ length: settings.requests }, () => person.request("store", { store: settings.store })));
console.log(JSON.stringify(counts));
person.close();
