/** The console as a module: what `console.js` hands out. */

import { start } from "./app.js";

/**
 * Put the console into an element of a page; it fills the element, in a shadow root of its own.
 * @param {{ base: string, element: Element, token: () => Promise<string | null>, store?: string,
 *   lang?: string }} options `base` is filled in by the loader; `token` is asked for a fresh JWT at each connect
 * @returns {{ unmount(): void }}
 */
export function mount({ base, element, token, store, lang }) {
  return start({ base, element, token, store, lang });
}
