/** A page with the shared parts alone, and a hand in the view that they show: `window.bench`. */
import { createComposer } from "../../../chalicelib/web/chat/composer.js";
import { connectionLine } from "../../../chalicelib/web/chat/connection.js";
import { h } from "../../../chalicelib/web/chat/dom.js";
import { createLog } from "../../../chalicelib/web/chat/log.js";
import { adopt } from "../../../chalicelib/web/chat/theme.js";
import { loadWords } from "../../../chalicelib/web/chat/words.js";
import * as made from "./views.js";

const asked = new URLSearchParams(location.search);
const words = await loadWords(asked.get("lang"));
document.documentElement.lang = words.lang;
if (asked.has("theme")) document.documentElement.dataset.theme = asked.get("theme");
const main = document.querySelector("main");
for (const size of ["wide", "tall"]) main.classList.toggle(size, asked.has(size));

const layout = new CSSStyleSheet();
layout.replaceSync(".panel{display:flex;flex-direction:column;block-size:100%;background:var(--k-surface)}");
const panel = h("div", { class: "panel", dir: asked.get("dir") ?? words.dir });
if (asked.has("document")) {
  adopt(document);
  document.adoptedStyleSheets.push(layout);
  main.append(panel);
} else {
  const host = h("div", { class: "host" });
  const root = host.attachShadow({ mode: "open" });
  adopt(root);
  root.adoptedStyleSheets.push(layout);
  root.append(panel);
  main.append(host);
}

const told = [];
const tell = (what) => (value) => { told.push([what, value]); };
const log = createLog({
  words,
  visits: asked.has("visits"),
  user: asked.get("user"),
  empty: words.lang === "en" ? "Ask the store anything.\nWe mostly answer within minutes." : "有问题尽管问，\n我们通常几分钟内回复。",
  now: () => bench.now,
  onOlder: () => bench.older?.() ?? told.push(["older"]),
  onRetry: tell("retry"),
  onDiscard: tell("discard"),
  onSeen: tell("seen"),
});
const line = connectionLine({ words, onRetry: tell("wake") });
const composer = createComposer({
  words,
  onSend(text) {
    told.push(["send", text]);
    if (bench.send) return bench.send(text);
    if (!asked.has("still")) bench.show({ pending: [...bench.view.pending, made.written(text, bench.now)] });
  },
  onTyping: tell("typing"),
  draft: { load: () => sessionStorage.getItem("draft"), save: (text) => sessionStorage.setItem("draft", text) },
});
panel.append(log.element, line.element, composer.element);

const bench = {
  now: made.NOW, made, told, log, line, composer, words, view: made.emptyView(), older: null, send: null,
  show(change) {
    bench.view = { ...bench.view, ...change };
    log.show(bench.view);
  },
};
window.bench = bench;
const state = made.states[asked.get("state") ?? "usual"](bench.now, words.lang);
bench.show(state);
document.documentElement.dataset.ready = "yes";
