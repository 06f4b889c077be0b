import assert from "node:assert/strict";
import { test } from "node:test";
import { titleKeeper } from "../../../chalicelib/web/widget/title.js";

function page(title) {
  const it = { title, time: 0 };
  it.keeper = titleKeeper({ read: () => it.title, write: (text) => { it.title = text; }, now: () => it.time });
  return it;
}

test("The number stands before the page's title, and goes again", () => {
  const shop = page("Shop");
  shop.keeper.show(2);
  assert.equal(shop.title, "(2) Shop");
  shop.keeper.show(3);
  assert.equal(shop.title, "(3) Shop");
  shop.keeper.show(0);
  assert.equal(shop.title, "Shop");
});

test("A page that goes on to another title keeps that one", () => {
  const shop = page("Shop");
  shop.keeper.show(2);
  shop.title = "Teapot";
  shop.keeper.changed();
  assert.equal(shop.title, "(2) Teapot");
  shop.keeper.show(0);
  assert.equal(shop.title, "Teapot");
});

test("A new title that we were not told of is not overwritten by the old one", () => {
  const shop = page("Shop");
  shop.keeper.show(2);
  shop.title = "Teapot";
  shop.keeper.show(0);
  assert.equal(shop.title, "Teapot");
});

test("A page that animates its title is left alone", () => {
  const shop = page("Sale!");
  shop.keeper.show(1);
  for (const title of ["ale! S", "le! Sa", "e! Sal"]) {
    shop.title = title;
    shop.time += 200;
    shop.keeper.changed();
  }
  assert.equal(shop.title, "e! Sal");
  shop.keeper.show(0);
  assert.equal(shop.title, "e! Sal");
});

test("Our own change is not taken for the page's", () => {
  const shop = page("Shop");
  shop.keeper.show(1);
  shop.keeper.changed();
  assert.equal(shop.title, "(1) Shop");
});
