/**
 * An agent's desk in one store: the lists, what lies open, and what may be done. It holds no element; the parts of the
 * page listen to it.
 */

import { allowed } from "./deeds.js";
import { createLoading } from "./loading.js";
import { newer } from "./queue.js";

/** @typedef {import("./queue.js").ConversationObject} ConversationObject */
/** @typedef {import("./queue.js").List} List */
/** @typedef {import("./service.js").Agent} Agent */
/** @typedef {{ at: number, status: string, agent: { user: string, name: string } | null }} Step */
/** @typedef {ReturnType<typeof createDesk>} Desk */

const STEPS_KEPT = 50;

/**
 * @param {{ client: import("../lib/kefu.d.ts").Client, service: ReturnType<import("./service.js").createService>,
 *   post: import("./service.js").Post, user: string }} parts
 */
export function createDesk({ client, service, post, user }) {
  /** @type {Set<() => void>} */
  const listeners = new Set();
  /** @type {Set<(message: import("../lib/kefu.d.ts").Message) => void>} */
  const hearers = new Set();
  /** @type {List} */
  let list = "waiting";
  /** @type {string[]} */
  let open = [];
  /** @type {string | null} */
  let current = null;
  /** @type {Agent[]} */
  let agents = [];
  /** What is being asked for, as `deed conversation`. @type {Set<string>} */
  const asking = new Set();
  /** Why the last deed in a conversation was refused. @type {Map<string, { code: string, deed: string }>} */
  const refusals = new Map();
  /** How a conversation's status changed while this desk looked on. @type {Map<string, Step[]>} */
  const trail = new Map();
  let told = false;

  // Once a microtask, so that a burst of events is one drawing, and a refusal is seen before the next frame.
  function changed() {
    if (told) return;
    told = true;
    queueMicrotask(() => {
      told = false;
      for (const each of [...listeners]) each();
    });
  }

  const loading = createLoading({ client, service, store: post.store, user, changed });

  const within = (/** @type {string} */ id) => id.startsWith(`${post.store}:`);
  const nameOf = (/** @type {string} */ agent) =>
    agents.find((each) => each.user === agent)?.name ?? (agent === user ? client.name : null) ?? agent;

  /** @returns {ConversationObject | null} */
  function object(/** @type {string} */ id) {
    const listed = loading.queue.objects.get(id);
    const seen = open.includes(id) ? client.conversation(id).view.object : null;
    return seen ? newer(listed, seen) : (listed ?? null);
  }

  function step(/** @type {ConversationObject} */ next) {
    const { conversation, status, agent, version } = next;
    const before = loading.queue.objects.get(conversation);
    if (!before || version <= before.version) return;
    if (status === before.status && agent?.user === before.agent?.user) return;
    const steps = trail.get(conversation) ?? [];
    trail.set(conversation, [...steps, { at: client.now(), status, agent }].slice(-STEPS_KEPT));
  }

  async function readAgents() {
    agents = await service.agents(post.store);
    changed();
    return agents;
  }

  const ends = [
    client.on("conversation", (next) => {
      if (next.store !== post.store || next.customer.user === user) return;
      step(next);
      refusals.delete(next.conversation);
      loading.know([next]);
    }),
    client.on("message", ({ message, fresh }) => {
      if (!within(message.conversation)) return;
      loading.receive(message);
      if (fresh) for (const each of hearers) each(message);
    }),
    client.on("resumed", () => {
      begin();
    }),
    client.on("status", changed),
  ];
  if (client.status.state === "live") begin();

  function begin() {
    loading.reload(() => list, open);
    // Without the table an agent goes by the user id, and the dialog that needs it asks again.
    readAgents().catch(changed);
  }

  function refused(/** @type {string} */ id, /** @type {string} */ deed, /** @type {any} */ error) {
    const agent = error.details?.agent;
    // Who was first is an answer, not a failure: the page shows it where the button was.
    if ((error.code === "already_claimed" || error.code === "not_claimer") && typeof agent === "string") {
      const here = object(id);
      if (here) loading.know([here]);
      loading.lose(id, { user: agent, name: nameOf(agent) });
    }
    if (error.code !== "already_claimed") refusals.set(id, { code: error.code ?? "internal", deed });
  }

  /** Do something that the server decides; true where it was done. */
  async function perform(
    /** @type {string} */ id,
    /** @type {string} */ deed,
    /** @type {() => Promise<ConversationObject | void>} */ ask,
  ) {
    const key = `${deed} ${id}`;
    if (asking.has(key)) return false;
    // Without a connection the library would keep the question for when it is back, and by then another may serve.
    if (client.status.state === "offline") {
      refused(id, deed, { code: "offline" });
      changed();
      return false;
    }
    asking.add(key);
    refusals.delete(id);
    changed();
    try {
      const next = await ask();
      if (next) {
        step(next);
        loading.know([next]);
      }
      return true;
    } catch (error) {
      refused(id, deed, error);
      return false;
    } finally {
      asking.delete(key);
      changed();
    }
  }

  return {
    client,
    post,
    user,
    loading,
    object,
    readAgents,
    nameOf,
    get list() {
      return list;
    },
    /** The store's agents, as they were when somebody last asked. */
    get agents() {
      return agents;
    },
    get open() {
      return open;
    },
    get current() {
      return current;
    },
    steps: (/** @type {string} */ id) => trail.get(id) ?? [],
    asking: (/** @type {string} */ id, /** @type {string} */ deed) => asking.has(`${deed} ${id}`),
    refusal: (/** @type {string} */ id) => refusals.get(id) ?? null,
    deeds: (/** @type {string} */ id) => allowed(object(id), user, post.role),

    subscribe(/** @type {() => void} */ listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** Be told each fresh message of this store. */
    hear(/** @type {(message: import("../lib/kefu.d.ts").Message) => void} */ hearer) {
      hearers.add(hearer);
      return () => void hearers.delete(hearer);
    },
    choose(/** @type {List} */ next) {
      list = next;
      if (!loading.queue.extents[next].begun) loading.more(next);
      changed();
    },
    show(/** @type {string | null} */ id) {
      current = id;
      if (id && !open.includes(id)) open = [...open, id];
      changed();
    },
    putAway(/** @type {string} */ id) {
      const at = open.indexOf(id);
      open = open.filter((each) => each !== id);
      if (current === id) current = open[Math.min(at, open.length - 1)] ?? null;
      refusals.delete(id);
      changed();
    },
    forget(/** @type {string} */ id) {
      refusals.delete(id);
      changed();
    },
    claim: (/** @type {string} */ id, force = false) =>
      perform(id, "claim", () => client.conversation(id).claim(force ? { force } : {})),
    release: (/** @type {string} */ id) => perform(id, "release", () => client.conversation(id).release()),
    close: (/** @type {string} */ id) => perform(id, "close", () => client.conversation(id).close()),
    transfer: (/** @type {string} */ id, /** @type {string} */ to) =>
      perform(id, "transfer", () => client.conversation(id).transfer(to)),
    watch: (/** @type {string} */ id, /** @type {boolean} */ on) =>
      perform(id, on ? "watch" : "unwatch", () => client.conversation(id).watch(on)),
    end() {
      for (const each of ends) each();
      loading.end();
      listeners.clear();
      hearers.clear();
    },
  };
}
