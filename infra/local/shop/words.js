/** What the shop says, in each of its languages. */
export const WORDS = {
  en: {
    language: "English",
    try: "A chat with yourself in a minute",
    who: "You shop as",
    visitor: "a new visitor",
    named: "Visitor",
    write: "Write to the shop: the button in the corner below.",
    answer: "Answer in a second window, as",
    roles: { agent: "agent", supervisor: "supervisor" },
    more: "Go offline, close the window, or stop the server and start it again: nothing that was said is lost.",
    missing: "The chat could not be loaded. Is the server running? Reload to try again.",
    foot: "A demo shop on your own machine. Nothing here is for sale, except the conversation.",
    stores: {
      "tea-house": {
        name: "Tea House",
        slogan: "Tea from one hillside, picked in one week of spring",
        promise: "Six leaves, each from a single garden. Ask us which one is yours; we answer while the kettle boils.",
      },
      bookshop: {
        name: "Bookshop",
        slogan: "Six old books worth an evening each",
        promise: "Read slowly, and ask us anything: which translation, which edition, which one first.",
      },
    },
  },
  "zh-CN": {
    language: "简体中文",
    try: "一分钟，自己和自己聊",
    who: "你是顾客",
    visitor: "新访客",
    named: "访客",
    write: "点右下角的按钮，给店里发消息。",
    answer: "在另一个窗口里回复，身份是",
    roles: { agent: "客服", supervisor: "主管" },
    more: "断网、关掉窗口，或者停掉服务再启动：说过的话一句都不会丢。",
    missing: "聊天没有加载成功。服务在运行吗？刷新页面再试。",
    foot: "这是你自己电脑上的演示商店，除了聊天，什么都不卖。",
    stores: {
      "tea-house": {
        name: "茶馆",
        slogan: "一座山坡，一周春天，一盏茶",
        promise: "六款茶，各出自一片茶园。不知道选哪款，就问我们：水开之前，答复就到。",
      },
      bookshop: {
        name: "书店",
        slogan: "六部旧书，各值一个夜晚",
        promise: "慢慢读，随便问：哪个版本好，哪个译本好，先读哪一本。",
      },
    },
  },
};
