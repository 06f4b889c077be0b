/** The console's looks, for its shadow root: on a 4 px grid, directions logical, colours from chat/theme.js. */

import { FRAME } from "./style-frame.js";
import { LIST } from "./style-list.js";
import { PANE } from "./style-pane.js";
import { PARTS } from "./style-parts.js";

/** @returns {CSSStyleSheet[]} */
export function sheets() {
  return [PARTS, FRAME, LIST, PANE].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
}
