/**
 * Tabs share a connection, and with it what it watches: a watch ends when the last tab that wanted it ends it.
 */
export class Watchers {
  /** @type {Map<string, Set<string>>} */ #tabs = new Map();

  /**
   * Whether a tab's request has to go to the service.
   * @param {string} tab
   * @param {string} action
   * @param {any} parameters
   */
  concerns(tab, action, parameters) {
    if (action !== "watch" && action !== "unwatch") return true;
    const { conversation } = parameters;
    const tabs = this.#tabs.get(conversation) ?? new Set();
    this.#tabs.set(conversation, tabs);
    if (action === "watch") return Boolean(tabs.add(tab));
    tabs.delete(tab);
    return tabs.size === 0;
  }
}
