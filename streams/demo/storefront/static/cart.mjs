// The cart: product ids and quantities, in this browser alone.

import {read, write} from "./storage.mjs";

const KEY = "shop.cart";
const MOST = 10;
const listeners = [];

const entries = () => Object.entries(read(KEY, {})).filter(([, quantity]) => quantity > 0);

const save = (kept) => {
  write(KEY, Object.fromEntries(kept));
  for (const listener of listeners) listener();
};

export const inCart = () => new Map(entries());

export const put = (productId, quantity) => {
  const kept = inCart();
  kept.delete(productId);
  if (quantity > 0) kept.set(productId, Math.min(MOST, quantity));
  save(kept);
};

export const empty = () => save([]);

export const onCart = (listener) => {
  listeners.push(listener);
  window.addEventListener("storage", ({key}) => key === KEY && listener());
  listener();
};

export const showCount = () => {
  const badge = document.querySelector("[data-count]");
  onCart(() => {
    const count = [...inCart().values()].reduce((sum, quantity) => sum + quantity, 0);
    badge.hidden = !count;
    badge.textContent = count;
    badge.setAttribute("aria-label", `${count} in it`);
  });
};
