// Slots on the page: which shelf is in each, and how a newer one takes its place without moving what is about to be
// clicked.

const slots = new Set();
const cardOf = new WeakMap(); // node -> {product, node, content, shown}

// What is known of a visitor is newer than what is not.
const ageOf = ({contextual, event_at}) => (contextual ? 0 : Date.parse(event_at));

const isNewer = (shelf, old) =>
  !old || (shelf.slate_id === old.slate_id ? shelf.revision >= old.revision : ageOf(shelf) >= ageOf(old));

const take = (slot, shelf) => {
  if (!isNewer(shelf, slot.shelf)) return;
  Object.assign(slot, {shelf, gone: [], isHeld: false});
  settle(slot);
};

const withdraw = (products) => {
  for (const slot of slots) {
    if (!slot.shelf) continue;
    slot.gone.push(...products);
    for (const card of slot.cards || []) {
      if (products.includes(card.product)) card.node.setAttribute("aria-disabled", true);
    }
    settle(slot);
  }
  tell("withdraw", {product_ids: products});
};

const settle = (slot) => {
  clearTimeout(slot.timer);
  if (!slots.has(slot) || !slot.shelf) return;
  if (!slot.cards || !isInHand(slot.element)) return paint(slot);
  slot.isHeld = true;
  slot.timer = later(() => settle(slot), 100);
};

// A hand that lies still for four seconds holds nothing; one that moved just now may be on its way.
const isInHand = (element) => {
  const still = now() - activeMs;
  const {left, right, top, bottom} = element.getBoundingClientRect();
  const [x, y] = hand;
  const isNear = still < 300 && Math.max(left - x, x - right, top - y, y - bottom) < 60;
  return isNear || (still < 4000 && element.matches(":hover,:focus-within"));
};

// Nodes of products that stay are used again, with their focus, and slide to their new place.
const paint = (slot) => {
  const {element, shelf, gone, cards = []} = slot;
  const {slate_id, revision, placement, items, reserves = []} = shelf;
  const focus = document.activeElement;
  const places = cards.map(({node}) => [node, node.getBoundingClientRect()]);
  const wanted = [...items, ...reserves].filter((item) => !gone.includes(item.product_id));
  slot.cards = wanted.slice(0, slot.size || items.length).map((item) => {
    const {product_id: product, rank} = item;
    const content = JSON.stringify({...item, rank: 0});
    let card = cards.find((one) => one.product === product);
    if (!card || (card.content !== content && !card.node.contains(focus))) {
      card = {product, content, node: slot.render(item, shelf)};
    }
    card.shown = {slate_id, revision, placement, rank};
    Object.assign(card.node.dataset, {slate: slate_id, rank, product});
    card.node.removeAttribute("aria-disabled");
    return card;
  });
  arrange(element, slot.cards);
  if (focus !== document.activeElement) focus.focus({preventScroll: true});
  slide(places);
  afterPaint(slot, shelf);
};

const arrange = (element, cards) => {
  const nodes = cards.map(({node}) => node);
  for (const node of [...element.children]) {
    unobserve(node);
    if (!nodes.includes(node)) node.remove();
  }
  nodes.forEach((node, place) => {
    const there = element.children[place];
    if (there !== node) element.insertBefore(node, there);
  });
  cards.forEach(observe);
};

// A millisecond is no motion, but keeps the move from being a shift of the layout.
const slide = (places) => {
  const isStill = matchMedia("(prefers-reduced-motion)").matches;
  for (const [node, {left, top}] of places) {
    const to = node.getBoundingClientRect();
    const transform = `translate(${left - to.left}px,${top - to.top}px)`;
    if (node.isConnected) node.animate([{transform}, {}], isStill ? 1 : 200);
  }
};

const afterPaint = ({isHeld}, shelf) =>
  requestAnimationFrame(() =>
    later(() => {
      const {slate_id, revision, event_id} = shelf;
      const ms = (!isHeld && Math.round(now() - trackedAt[event_id])) || undefined;
      if (ms) timings.push({slate_id, revision, ms});
      tell("slate", {shelf, ms});
    }),
  );

const clicked = ({target, button}) => {
  const node = target.closest("[data-slate]");
  const card = cardOf.get(node);
  const control = target.closest("a,button,input,select,label");
  // A button on an item does something else.
  if (!card || button > 1 || (control && !control.matches("a") && !control.contains(node))) return;
  selected(card.product, card.shown);
};
