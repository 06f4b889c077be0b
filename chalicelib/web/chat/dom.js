/** Elements without markup: everything that comes from outside goes through text nodes and properties. */

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

const ATTRIBUTES = new Set(["class", "role", "for"]);

/**
 * Build an element. `class`, `role`, `for`, `aria-*` and `data-*` are attributes, `on<event>` a listener, the rest DOM
 * properties; null and undefined are left out. Strings become text nodes.
 * @param {string} tag
 * @param {Record<string, any> | null} [properties]
 * @param {...Child} children
 * @returns {any} the element
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const name in properties) {
    const value = properties[name];
    if (value == null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || ATTRIBUTES.has(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  append(element, children);
  return element;
}

/**
 * Put children behind what is there.
 * @param {Node} element
 * @param {Child[]} children
 */
export function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child != null && child !== false) element.appendChild(child instanceof Node ? child : new Text(child));
  }
}

/** Set the text only where it differs, so that nothing is announced or selected anew. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const PATHS = {
  send: "M4 12 3 4.5 21 12 3 19.5 4 12Zm0 0h8",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  close: "M6 6l12 12M18 6 6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  up: "M12 19V5M6 11l6-6 6 6",
  back: "M19 12H5M11 6l-6 6 6 6",
  chevron: "M6 9l6 6 6-6",
  retry: "M19 8a8 8 0 1 0 1 5M20 4v5h-5",
  search: "M16 16l5 5M10.5 18a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  check: "M5 12.5 10 17 19 7",
  checks: "M2 12.5 7 17 16 7M11 15.5 12.5 17 22 7",
  wait: "M12 4a8 8 0 1 1-.01 0",
  alert: "M12 7v6M12 17h.01M12 3a9 9 0 1 1-.01 0",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  smile: "M12 3a9 9 0 1 1-.01 0M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5h.01M15 9.5h.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
};
const SVG = "http://www.w3.org/2000/svg";

/**
 * An inline picture in the text's colour, hidden from assistive technology: the button around it has the words.
 * `send` and `back` turn round where one writes from right to left.
 * @param {keyof typeof PATHS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const turns = name === "send" || name === "back" ? " k-turns" : "";
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `k-icon${turns}`, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
