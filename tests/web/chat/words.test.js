import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import test from "node:test";
import { languages, loadWords, match, wordsOf } from "../../../chalicelib/web/chat/words.js";

const FOLDER = new URL("../../../chalicelib/web/words/", import.meta.url);

/** Every key of a table with its fields: "chat.left" → ["n"]. */
function entries(table, path = "") {
  return Object.entries(table).filter(([name]) => name !== "partial").flatMap(([name, value]) => {
    const forms = typeof value === "string" ? [value] : "other" in value ? Object.values(value) : null;
    if (!forms) return entries(value, `${path}${name}.`);
    const fields = new Set(forms.flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map((found) => found[1])));
    return [[path + name, [...fields].sort().join()]];
  });
}

test("a language is found by its tag, by its first part, and else is English", () => {
  const chinese = ["zh-CN", "zh", "zh-Hans-CN", "zh-TW", "zh_CN", "ZH-cn"];
  for (const wanted of chinese) assert.equal(match(wanted), "zh-CN", wanted);
  for (const wanted of ["en-GB", "de", ""]) assert.equal(match(wanted), "en", wanted);
  assert.equal(match(null), "en");
  assert.equal(match(["de", "zh-HK", "en"]), "zh-CN");
});

test("each language has its file, and each file is listed", async () => {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".js")).map((name) => name.slice(0, -3));
  assert.deepEqual(files.sort(), [...languages].sort());
});

test("a language says everything that English says, with the same fields, unless it is marked as partial", async () => {
  const english = new Map(entries((await import(new URL("en.js", FOLDER))).default));
  for (const lang of languages) {
    const table = (await import(new URL(`${lang}.js`, FOLDER))).default;
    const own = new Map(entries(table));
    const wanted = table.partial ? new Map([...english].filter(([key]) => own.has(key))) : english;
    assert.deepEqual(own, wanted, lang);
  }
});

test("words are filled in, and numbers written as the language writes them", async () => {
  const words = await loadWords("en-US");
  assert.equal(words.say("chat.typing", { name: "{n} Li" }), "{n} Li is typing…");
  assert.equal(words.say("chat.new", { n: 1234 }), "1,234 new");
  assert.equal(words.dir, "ltr");
});

test("a plural follows the language's own rules", () => {
  const words = wordsOf("ar", { a: { few: "few {n}", other: "other {n}" } });
  assert.equal(words.say("a", { n: 100 }).slice(0, 5), "other");
  assert.equal(words.say("a", { n: 3 }).slice(0, 3), "few");
  assert.equal(words.dir, "rtl");
});

test("what a language lacks is said in English, by English rules; what English lacks is an error", () => {
  const words = wordsOf("zh-CN", { chat: { today: "今天" } }, { chat: { left: { one: "{n} day", other: "{n} days" } } });
  assert.equal(words.say("chat.today"), "今天");
  assert.equal(words.say("chat.left", { n: 1 }), "1 day");
  assert.throws(() => words.say("chat.nowhere"), /chat\.nowhere/);
  assert.throws(() => words.say("nowhere.at.all"), /nowhere/);
});
