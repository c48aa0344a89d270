// Shelves: the tracker brings products, this draws them.

import {choice} from "./consent.mjs";
import {element, money, nameOf, ownAddress} from "./elements.mjs";
import {aisle} from "./tracking.mjs";

const EMPTY_AFTER_MS = 6000;
const HINT_MS = 4000;
const OWN = ["cart", "confirmation"]; // nobody in particular has these: without consent they stay empty

const priced = ({price, sale_price, currency}) => {
  const line = element("span", {className: "card-price"});
  const isSale = sale_price != null && sale_price < (price ?? 0);
  const now = sale_price ?? price;
  if (now == null) return line;
  if (!isSale) {
    line.append(element("span", {className: "price"}, money(now, currency)));
    return line;
  }
  line.append(
    element("span", {className: "price price-sale"}, unseen("Now "), money(now, currency)),
    " ",
    element("s", {className: "was"}, unseen("Was "), money(price, currency)),
  );
  return line;
};

const unseen = (text) => element("span", {className: "unseen"}, text);

const draw = (item) => {
  const id = encodeURIComponent(item.product_id);
  const picture = element("img", {className: "card-picture", alt: "", width: 400, height: 400, decoding: "async"});
  picture.src = ownAddress(item.image_url, `/img/${id}.svg`);
  const link = element("a", {className: "card-link", href: ownAddress(item.url, `/p/${id}`)}, picture);
  link.append(
    element("span", {className: "card-brand"}, item.brand ?? ""),
    element("span", {className: "card-title"}, nameOf(item.title, item.brand)),
    priced(item),
    element("span", {className: "card-reason"}, item.reason ?? ""),
  );
  return element("li", {className: "card"}, link);
};

export const openShelf = (section, productId = section.dataset.product) => {
  const track = section.querySelector("[data-slot]");
  section.hidden = false;
  section.track = track;
  const {placement, size} = section.dataset;
  aisle.slot(track, {placement, productId, anchor: productId, size: Number(size), render: draw});
  const isOwn = OWN.includes(placement) && choice() !== "granted";
  setTimeout(() => (section.dataset.state ??= "empty"), isOwn ? 0 : EMPTY_AFTER_MS);
};

const tellChange = (section) => {
  const hint = section.querySelector("[data-hint]");
  hint.textContent = "Updated just now";
  hint.classList.add("fresh");
  clearTimeout(section.fresh);
  section.fresh = setTimeout(() => hint.classList.remove("fresh"), HINT_MS);
};

const arrived = ({shelf}) => {
  for (const section of document.querySelectorAll(`.shelf[data-placement="${CSS.escape(shelf.placement)}"]`)) {
    if (section.querySelector("[data-slate]")?.dataset.slate !== shelf.slate_id) continue;
    const shown = `${shelf.slate_id} ${shelf.revision}`;
    if (section.shown && section.shown !== shown) tellChange(section);
    section.shown = shown;
    section.dataset.state = "filled";
  }
};

export const openShelves = () => {
  aisle.on("slate", arrived);
  for (const section of document.querySelectorAll(".shelf:not([data-later])")) openShelf(section);
};
