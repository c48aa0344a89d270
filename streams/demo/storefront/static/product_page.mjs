// A product's page: putting it in the cart, and remembering it for the front page.

import {inCart, put} from "./cart.mjs";
import {element} from "./elements.mjs";
import {read, write} from "./storage.mjs";
import {aisle} from "./tracking.mjs";

const LAST = "shop.last";

export const lastSeen = () => read(LAST, null, "sessionStorage");

export const startProduct = () => {
  const form = document.querySelector("[data-buy]");
  if (!form) return;
  const line = JSON.parse(form.dataset.line);
  write(LAST, line.item_id, "sessionStorage");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    put(line.item_id, (inCart().get(line.item_id) ?? 0) + 1);
    aisle.track("add_to_cart", {currency: line.currency, value: line.price, items: [{...line, quantity: 1}]});
    form.querySelector("[data-told]").replaceChildren("It is in ", element("a", {href: "/cart"}, "your cart"), ".");
  });
};
