/**
 * Keep `element` within what a phone's soft keyboard leaves of the window: the layout viewport does not shrink for it
 * everywhere, the visual viewport does.
 * @param {HTMLElement} element
 * @returns {() => void} gives the element its own size back
 */
export function keepAboveKeyboard(element) {
  const visible = globalThis.visualViewport;
  if (!visible) return () => {};
  function fit() {
    element.style.setProperty("--visible-height", `${visible.height}px`);
    element.style.setProperty("--visible-top", `${visible.offsetTop}px`);
  }
  fit();
  visible.addEventListener("resize", fit);
  visible.addEventListener("scroll", fit);
  return () => {
    visible.removeEventListener("resize", fit);
    visible.removeEventListener("scroll", fit);
    element.style.removeProperty("--visible-height");
    element.style.removeProperty("--visible-top");
  };
}
