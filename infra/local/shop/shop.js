/** The demo shop. Who shops, where and in which language is in the address: `?as=chen&store=bookshop&lang=zh-CN`. */
import { GOODS } from "./goods.js";
import { WORDS } from "./words.js";

const CUSTOMERS = { ming: "Ming", chen: "陈静" };
const VISITOR = "visitor";

const asked = new URLSearchParams(location.search);
const store = asked.get("store") in GOODS ? asked.get("store") : "tea-house";
const lang = chosenLanguage(asked.get("lang") ?? navigator.language);
const words = WORDS[lang];
const customer = chosenCustomer();

const $ = (id) => document.getElementById(id);

/** An element with properties and children; whatever is text stays text. */
function h(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** @param {string} wanted a language tag */
function chosenLanguage(wanted) {
  return wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

/** Who shops: as the address says, or as this tab did before. */
function chosenCustomer() {
  const named = asked.get("as") ?? sessionStorage.getItem("shop.as");
  const as = named in CUSTOMERS || named === VISITOR ? named : "ming";
  sessionStorage.setItem("shop.as", as);
  if (as !== VISITOR) return { as, sub: as, name: CUSTOMERS[as] };
  const number = sessionStorage.getItem("shop.visitor") ?? Math.random().toString(36).slice(2, 7);
  sessionStorage.setItem("shop.visitor", number);
  return { as, sub: `visitor-${number}`, name: `${words.named} ${number}` };
}

/** A link to this page with one thing changed. */
function choice(parameter, value, text, chosen) {
  const address = new URL(location.href);
  address.searchParams.set(parameter, value);
  const link = h("a", { href: address.search, textContent: text });
  if (chosen) link.setAttribute("aria-current", "true");
  return link;
}

function showWords() {
  const { name, slogan, promise } = words.stores[store];
  document.documentElement.lang = lang;
  document.documentElement.dataset.store = store;
  document.title = `${name} · kefu 客服`;
  const seal = store === "bookshop" ? "书" : "茶";
  $("brand").append(h("span", { className: "seal", textContent: seal, lang: "zh-CN", ariaHidden: "true" }), name);
  $("slogan").textContent = slogan;
  $("promise").textContent = promise;
  $("try-title").textContent = words.try;
  $("try-who").textContent = words.who;
  $("try-write").textContent = words.write;
  $("try-answer").textContent = words.answer;
  $("try-more").textContent = words.more;
  $("foot").textContent = words.foot;
}

function showChoices() {
  $("stores").append(...Object.keys(GOODS).map((id) => choice("store", id, words.stores[id].name, id === store)));
  $("languages").append(...Object.keys(WORDS).map((id) => {
    const link = choice("lang", id, WORDS[id].language, id === lang);
    link.lang = id;
    return link;
  }));
  const customers = { ...CUSTOMERS, [VISITOR]: words.visitor };
  $("customers").append(...Object.entries(customers).map(([id, name]) => choice("as", id, name, id === customer.as)));
}

function showGoods() {
  $("goods").append(...GOODS[store].map((item) => {
    const [name, note] = item[lang];
    return h("li", {},
      h("img", { src: `shop/${item.picture}.svg`, alt: "", width: 320, height: 220 }),
      h("div", { className: "text" },
        h("div", { className: "name" },
          h("h3", { textContent: name }), h("span", { className: "price", textContent: `¥${item.price}` })),
        h("p", { className: "quiet note", textContent: note })));
  }));
}

/** Links that open the console as each of the store's agents, in a window of its own. */
async function showAgents() {
  const response = await fetch("dev/tokens");
  if (!response.ok) throw new Error(`GET dev/tokens answers ${response.status}`);
  const { identities } = await response.json();
  for (const { user, name, role } of identities.filter((identity) => identity.store === store)) {
    const link = h("a", { href: `console#as=${user}`, target: `kefu-${user}` },
      h("span", { textContent: name }), h("span", { className: "quiet", textContent: words.roles[role] }));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (open(link.href, link.target, "popup,width=1180,height=760")) event.preventDefault();
    });
    $("agents").append(h("li", {}, link));
  }
}

/** @returns {Promise<string>} a token for whoever shops */
async function token() {
  const response = await fetch("dev/tokens", {
    method: "POST",
    body: JSON.stringify({ sub: customer.sub, name: customer.name }),
  });
  if (!response.ok) throw new Error(`POST dev/tokens answers ${response.status}`);
  return (await response.json()).token;
}

async function showChat() {
  const { mount } = await import("../widget.js");
  mount({ store, token, lang });
}

showWords();
showChoices();
showGoods();
const outcomes = await Promise.allSettled([showAgents(), showChat()]);
for (const { reason } of outcomes.filter((outcome) => outcome.status === "rejected")) {
  console.error(reason);
  $("chat-state").textContent = words.missing;
}
