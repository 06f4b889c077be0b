/** What an agent does by a button or a key, with the questions that come before it. */

import { confirm } from "./dialog.js";
import { chooseReceiver } from "./transfer.js";

/** @typedef {ReturnType<typeof createDoing>} Doing */

/**
 * @param {{ desk: import("./desk.js").Desk, words: import("../chat/words.js").Words, room: Element,
 *   settled: (id: string) => void }} parts `settled`: after a deed the focus may have nothing to stand on
 */
export function createDoing({ desk, words, room, settled }) {
  const say = (/** @type {string} */ key, /** @type {any} */ values) => words.say(`console.${key}`, values);
  const may = (/** @type {string} */ id, /** @type {import("./deeds.js").Deed} */ deed) => desk.deeds(id).has(deed);

  async function then(/** @type {string} */ id, /** @type {Promise<boolean>} */ deed) {
    await deed;
    settled(id);
  }

  return {
    claim(/** @type {string} */ id) {
      if (may(id, "claim")) return then(id, desk.claim(id));
    },
    release(/** @type {string} */ id) {
      if (may(id, "release")) return then(id, desk.release(id));
    },
    close(/** @type {string} */ id) {
      if (may(id, "close")) return then(id, desk.close(id));
    },
    async transfer(/** @type {string} */ id) {
      if (!may(id, "transfer")) return;
      const to = await chooseReceiver({ room, words, desk, id });
      if (to !== undefined) await then(id, desk.transfer(id, to));
    },
    async takeOver(/** @type {string} */ id) {
      const object = desk.object(id);
      if (!object || !may(id, "takeOver")) return;
      const names = { customer: object.customer.name, agent: object.agent?.name ?? "" };
      const sure = await confirm({
        room,
        words,
        title: say("take_over_title"),
        text: say("take_over_text", names),
        action: say("take_over"),
      });
      if (sure) await then(id, desk.claim(id, true));
    },
    watch(/** @type {string} */ id) {
      if (may(id, "watch")) return desk.watch(id, !desk.client.conversation(id).view.watched);
    },
  };
}
