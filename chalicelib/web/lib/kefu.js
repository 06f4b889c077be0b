/**
 * kefu's client library. This module is its face; types and contracts stand in kefu.d.ts beside it.
 *
 * @import { Options } from "./kefu.js"
 */
import { Alone } from "./alone.js";
import { Client } from "./client.js";
import { allowed, surroundings } from "./environment.js";
import { indexedOutbox, memoryOutbox } from "./outbox.js";
import { Tabs } from "./tabs.js";

export { KefuError } from "./errors.js";
export { indexedOutbox, memoryOutbox };

/**
 * @param {Options} options
 * @param {Record<string, any>} [world]  what a test puts in the place of the world around the library
 */
export function connect(options, world) {
  const env = surroundings(world);
  const keeper = options.outbox ?? (env.indexedDB ? indexedOutbox(env.indexedDB) : memoryOutbox());
  const channels = () => !new env.BroadcastChannel("kefu").close();
  const shared = (options.shared ?? true) && env.locks && allowed(channels);
  return new Client(env, (emit, objects) =>
    shared ? new Tabs(options, env, keeper, emit, objects) : new Alone(options, env, keeper, emit),
  );
}
