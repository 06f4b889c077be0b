/**
 * Colours, type and the shared parts' looks, as constructable stylesheets.
 *
 * A page sets `--kefu-accent` and its kin (the names below, each with `--kefu-`) on the host element or any ancestor.
 * Our own stylesheets read `--k-accent` and its kin instead, which are the page's value or else the theme's.
 * Dark follows `prefers-color-scheme`; `data-theme="light"` or `"dark"` on the host or an ancestor forces one.
 */
import { CHAT } from "./style.js";

const FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif';
const LIGHT = {
  accent: "#0b7570", "on-accent": "#fff", text: "#1a2024", muted: "#586269", surface: "#fff", raised: "#f5f7f8",
  line: "#dce1e4", own: "#d8eae9", other: "#eff2f3", warn: "#8a5300", danger: "#b3261e",
  shadow: "0 8px 28px rgb(16 32 40 / .18)",
};
const DARK = {
  accent: "#52bfb4", "on-accent": "#04211f", text: "#e7ecee", muted: "#9fabb2", surface: "#14191c", raised: "#1c2327",
  line: "#313a40", own: "#1d3f3e", other: "#262e33", warn: "#e5ab4d", danger: "#f48c84",
  shadow: "0 8px 28px rgb(0 0 0 / .55)",
};
const SAME = { font: FONT, radius: "10px", z: "2147483000" };

const variable = ([name, value]) => `--k-${name}:var(--kefu-${name},${value});`;
const variables = (table) => Object.entries(table).map(variable).join("");

/** One theme for one selector; the tint of the own bubbles follows the page's accent where the browser can mix. */
function themed(scope, scheme, table, share) {
  const mixed = `color-mix(in srgb,var(--k-accent) ${share},var(--k-surface))`;
  return `${scope}{color-scheme:${scheme};--k-scheme:${scheme};${variables(table)}}`
    + `@supports(color:color-mix(in srgb,red,red)){${scope}{--k-own:var(--kefu-own,${mixed})}}`;
}
const light = (scope) => themed(scope, "light", LIGHT, "16%");
const dark = (scope) => themed(scope, "dark", DARK, "26%");

function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

let shared;

/**
 * Add the shared stylesheets to a document or a shadow root.
 * @param {Document | ShadowRoot} root
 * @returns {() => void} stop following the page's `data-theme` (the stylesheets stay)
 */
export function adopt(root) {
  const scope = root instanceof Document ? ":root" : ":host";
  shared ??= sheet(CHAT);
  const base = sheet(`${scope}{${variables(SAME)}}${light(scope)}@media(prefers-color-scheme:dark){${dark(scope)}}`);
  if (root instanceof Document) {
    const forced = sheet(light("[data-theme=light]") + dark("[data-theme=dark]"));
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, base, forced, shared];
    return () => {};
  }
  // A stylesheet in a shadow root cannot see the host's ancestors in every browser, so a script looks there.
  const forced = sheet("");
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, base, forced, shared];
  const follow = () => {
    const theme = root.host.closest("[data-theme]")?.dataset.theme;
    forced.replaceSync(theme === "dark" ? dark(":host") : theme === "light" ? light(":host") : "");
  };
  const observer = new MutationObserver(follow);
  observer.observe(document, { subtree: true, attributes: true, attributeFilter: ["data-theme"] });
  follow();
  // The host may be put into the page only after this.
  requestAnimationFrame(follow);
  return () => observer.disconnect();
}
