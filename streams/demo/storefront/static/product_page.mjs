// A product's page: putting it in the cart, and remembering it for the front page.

import {inCart, put} from "./cart.mjs";
import {isAllowed} from "./consent.mjs";
import {element} from "./elements.mjs";
import {read, write} from "./storage.mjs";
import {aisle} from "./tracking.mjs";

const LAST = "shop.last";

export const lastSeen = () => read(LAST, null, "sessionStorage");

// Only with consent, and no longer than it lasts.
const remember = (productId) => {
  if (!isAllowed()) write(LAST, null, "sessionStorage");
  else if (productId) write(LAST, productId, "sessionStorage");
};

export const startProduct = () => {
  const form = document.querySelector("[data-buy]");
  const line = form && JSON.parse(form.dataset.line);
  remember(line?.item_id);
  aisle.on("consent", () => remember(line?.item_id));
  if (!form) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    put(line.item_id, (inCart().get(line.item_id) ?? 0) + 1);
    aisle.track("add_to_cart", {currency: line.currency, value: line.price, items: [{...line, quantity: 1}]});
    form.querySelector("[data-told]").replaceChildren("It is in ", element("a", {href: "/cart"}, "your cart"), ".");
  });
};
