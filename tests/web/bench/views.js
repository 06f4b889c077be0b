/** Conversations for the bench, in English and Chinese. */

/** When all of it takes place: an afternoon, so that what was said within the hour was said today. */
export const NOW = new Date("2026-11-25T15:20:00").getTime();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const MING = { user: "ming", name: "Ming", side: "customer" };
export const LI = { user: "li", name: "小李 Li", side: "store" };
export const WANG = { user: "wang", name: "王姐 Wang", side: "store" };
export const SYSTEM = { user: "system", name: "Tea House", side: "system" };

export const emptyView = () => ({
  conversation: "tea-house:ming", side: "customer", messages: [], pending: [], loaded: true, more: false, object: null,
  unread: 0, read: { customer: 0, store: 0 }, typing: null, watched: false, error: null,
});

export function message(seq, from, text, at, visit = 1) {
  const body = { type: "text", text };
  return { conversation: "tea-house:ming", seq, id: `m${seq}`, from, body, at, epoch: "e", visit };
}

let count = 0;
export function written(text, at, state = "sending", error = null) {
  count += 1;
  return { id: `p${count}`, conversation: "tea-house:ming", text, at, state, error };
}

function conversation(lines) {
  return lines.map(([from, text, at, visit], index) => message(index + 1, from, text, at, visit));
}

const SAYS = {
  en: {
    ask: "Is the celadon tea jar still in stock? I saw it on Sunday.",
    yes: "Yes, three of them. Shall I put one aside for you?",
    please: "Please do 🙏", paid: "Order 88412 was paid.",
    link: "Here is how to brew with it (the short way): https://example.com/brewing/celadon?cup=small, "
      + "and the film is at https://example.com/film.",
    sent: "It leaves today.", thanks: "Thank you. How long does it take to Chengdu?",
    twodays: "Two days, mostly.", good: "Good.",
    anything: "Is there anything else?",
  },
  "zh-CN": {
    ask: "青瓷茶叶罐还有货吗？上周日看到过。", yes: "有的，还剩三个，要给您留一个吗？", please: "好的，麻烦了🙏", paid: "订单 88412 已付款。",
    link: "这是冲泡方法：https://example.com/brewing/celadon?cup=small，视频在这里https://example.com/film。",
    sent: "今天发货。",
    thanks: "谢谢，寄到成都要几天？", twodays: "一般两天。", good: "好的。", anything: "还有什么可以帮您的吗？",
  },
};

function usual(now, lang) {
  const say = SAYS[lang];
  const yesterday = now - 26 * HOUR;
  const messages = conversation([
    [MING, say.ask, yesterday], [LI, say.yes, yesterday + MINUTE], [LI, say.sent, yesterday + 2 * MINUTE],
    [MING, say.please, yesterday + 9 * MINUTE],
    [SYSTEM, say.paid, now - 50 * MINUTE], [WANG, say.link, now - 40 * MINUTE],
    [MING, say.thanks, now - 20 * MINUTE], [MING, say.good, now - 19 * MINUTE],
    [LI, say.twodays, now - 3 * MINUTE], [LI, say.anything, now - 2 * MINUTE],
  ]);
  return { ...emptyView(), messages, read: { customer: 8, store: 8 }, unread: 2 };
}

function failed(now, lang) {
  const view = usual(now, lang);
  const say = SAYS[lang];
  return {
    ...view, read: { customer: 10, store: 8 },
    pending: [
      written(say.good, now - 9000, "failed", { code: "unavailable", message: "" }),
      written(say.thanks, now, "failed"), written(say.please, now),
    ],
  };
}

function lengthy(now, lang) {
  const hundred = Array.from({ length: 100 }, (_, index) => `${index + 1}. ${SAYS[lang].yes}`).join("\n");
  const name = { ...LI, name: "The Very Long Named Colleague of the Tea House beyond the Bridge" };
  const messages = conversation([
    [name, "a".repeat(300), now - 9 * MINUTE], [name, `https://example.com/${"path/".repeat(40)}`, now - 8 * MINUTE],
    [MING, hundred, now - 7 * MINUTE],
    [name, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", now - 6 * MINUTE],
  ]);
  return { ...emptyView(), messages, read: { customer: 4, store: 3 }, typing: name };
}

function bidi(now) {
  const messages = conversation([
    [{ ...MING, name: "مينغ" }, "هل ما زال إبريق الشاي متوفرا؟ رقم الطلب 88412", now - 9 * MINUTE],
    [LI, "Yes, three of them. (Order 88412)", now - 8 * MINUTE],
    [{ ...LI, user: "sara", name: "سارة" }, "نعم، بقي ثلاثة منها: https://example.com/jar", now - 7 * MINUTE],
    [MING, "شكرا!\nOK, thanks", now - 5 * MINUTE],
  ]);
  return { ...emptyView(), messages, read: { customer: 4, store: 4 }, typing: LI };
}

export function many(count, now, from = 1) {
  return Array.from({ length: count }, (_, index) => {
    const seq = from + index;
    const sender = [MING, LI, LI, MING, WANG][seq % 5];
    const text = `${seq}: ${"word ".repeat(1 + (seq * 7) % 40)}`;
    return message(seq, sender, text, now - (count + from - seq) * 2 * MINUTE);
  });
}

export const states = {
  usual,
  failed,
  lengthy,
  bidi,
  waiting: (now, lang) => ({
    ...usual(now, lang), read: { customer: 10, store: 8 }, typing: LI, pending: [written(SAYS[lang].good, now)],
  }),
  empty: emptyView,
  loading: () => ({ ...emptyView(), loaded: false, more: true }),
  error: () => ({ ...emptyView(), error: { code: "forbidden", message: "" } }),
  visits: (now) => ({
    ...emptyView(), side: "store", read: { customer: 40, store: 40 },
    messages: many(40, now).map((each, index) => ({ ...each, visit: 1 + Math.floor(index / 10) })),
  }),
  many: (now) => ({ ...emptyView(), messages: many(5000, now), read: { customer: 5000, store: 5000 } }),
};

/** One more message behind those of a view. */
export function after({ messages }, from, text, id) {
  const seq = (messages.at(-1)?.seq ?? 0) + 1;
  return { ...message(seq, from, text, NOW), ...(id && { id }) };
}
