/** Pictures that only the console has, in the manner of the shared ones. */

const PATHS = {
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
};

/** @param {keyof typeof PATHS} name */
export function glyph(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const turns = name === "leave" ? " k-turns" : "";
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `k-icon${turns}`, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
