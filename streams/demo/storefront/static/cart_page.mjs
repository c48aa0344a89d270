// The cart's page: lines at today's prices, and a purchase that costs nothing.

import {empty, inCart, put} from "./cart.mjs";
import {element, money} from "./elements.mjs";
import {openShelf} from "./shelf.mjs";
import {aisle} from "./tracking.mjs";

const fetched = async (ids) => {
  const query = new URLSearchParams(ids.map((id) => ["id", id]));
  const response = await fetch(`/cart/lines?${query}`).catch(() => null);
  return response?.ok ? response.json() : null;
};

const itemsOf = (cards) => cards.map(({line}) => ({...line, quantity: inCart().get(line.item_id) ?? 0}));

const told = (items) => ({
  currency: items[0]?.currency,
  value: items.reduce((sum, {price, quantity}) => sum + (price ?? 0) * quantity, 0),
  items,
});

const change = (card, quantity) => {
  const before = inCart().get(card.line.item_id) ?? 0;
  put(card.line.item_id, quantity);
  const difference = quantity - before;
  if (!difference) return;
  const items = [{...card.line, quantity: Math.abs(difference)}];
  aisle.track(difference > 0 ? "add_to_cart" : "remove_from_cart", told(items));
};

const quantityOf = (card, show) => {
  const options = Array.from({length: 10}, (_, i) => element("option", {value: i + 1}, String(i + 1)));
  const select = element("select", {ariaLabel: `Quantity of ${card.title}`}, ...options);
  select.value = inCart().get(card.line.item_id) ?? 1;
  select.addEventListener("change", () => {
    change(card, Number(select.value));
    show();
  });
  return select;
};

const removal = (card, gone) => {
  const button = element("button", {className: "plain", type: "button", ariaLabel: `Remove ${card.title}`}, "Remove");
  button.addEventListener("click", () => {
    change(card, 0);
    gone();
  });
  return button;
};

const drawn = (card, show, gone) =>
  element(
    "li",
    {className: "cart-line"},
    element("img", {src: card.image_url, alt: "", width: 400, height: 400}),
    element(
      "div",
      {className: "cart-what"},
      element("a", {href: card.url}, card.title),
      element("p", {className: "note"}, card.sold ? [card.brand, card.price].filter(Boolean).join(", ") : "Sold out meanwhile"),
    ),
    element("div", {className: "cart-do"}, quantityOf(card, show), removal(card, gone)),
  );

const buy = (cards) => {
  const items = itemsOf(cards.filter(({sold}) => sold));
  const order = `o-${crypto.randomUUID?.() ?? Date.now()}`;
  aisle.track("begin_checkout", told(items));
  aisle.track("purchase", {transaction_id: order, ...told(items)});
  aisle.flush();
  empty();
  location.assign("/thanks");
};

export const startCart = async () => {
  const root = document.querySelector("[data-cart]");
  if (!root) return;
  const [list, sum, total, nothing] = ["lines", "sum", "total", "empty"].map((name) =>
    root.querySelector(`[data-${name}]`),
  );
  let cards = inCart().size ? await fetched([...inCart().keys()]) : [];
  const isAway = cards === null;
  cards ??= [];
  const show = () => {
    nothing.hidden = cards.length > 0;
    sum.hidden = !cards.some(({sold}) => sold);
    const {value, currency} = told(itemsOf(cards.filter(({sold}) => sold)));
    total.textContent = currency ? money(value, currency) : "";
  };
  const lines = cards.map((card) =>
    drawn(card, show, () => {
      lines[cards.indexOf(card)].remove();
      lines.splice(cards.indexOf(card), 1);
      cards.splice(cards.indexOf(card), 1);
      show();
      (list.querySelector("button") ?? document.querySelector("main")).focus();
    }),
  );
  list.replaceChildren(...lines);
  show();
  if (isAway) nothing.replaceChildren("Your cart cannot be shown right now. It is not lost: try again in a moment.");
  root.querySelector("[data-buy-all]").addEventListener("click", () => buy(cards));
  openShelf(document.querySelector('.shelf[data-placement="cart"]'));
};
