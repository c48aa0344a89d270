// An item is seen when half of it was visible for a second: once per slate, told in runs of contiguous ranks.

const seen = {}; // slate and product
const justSeen = {}; // slate and revision, as JSON -> rank -> product
let observer;
let seenTimer;

const observe = (card) => {
  if (!window.IntersectionObserver) return;
  observer ||= new IntersectionObserver(safe(intersect), {threshold: 0.5});
  cardOf.set(card.node, card);
  observer.observe(card.node); // calls back at once, so that what stays in sight is seen on its new slate, too
};

const unobserve = (node) => {
  clearTimeout(cardOf.get(node)?.timer);
  observer?.unobserve(node);
};

const intersect = (entries) => {
  for (const {target, intersectionRatio} of entries) {
    const card = cardOf.get(target);
    clearTimeout(card.timer);
    if (intersectionRatio >= 0.5) look(card);
  }
};

const look = (card) => {
  card.timer = later(() => (document.hidden ? look : see)(card), settings.seenMs);
};

const see = ({product, shown}) => {
  const {rank, ...slate} = shown;
  if (seen[slate.slate_id + product]) return;
  seen[slate.slate_id + product] = true;
  (justSeen[JSON.stringify(slate)] ||= {})[rank] = product;
  seenTimer ||= later(tellSeen, settings.seenMs);
};

const tellSeen = () => {
  seenTimer = clearTimeout(seenTimer);
  for (const slate in justSeen) {
    const ranks = justSeen[slate];
    delete justSeen[slate];
    let items, next;
    for (const rank in ranks) {
      if (+rank !== next) record(make("impression", {items: (items = []), shown: {...JSON.parse(slate), rank: +rank}}));
      items.push({product_id: ranks[rank]});
      next = +rank + 1;
    }
  }
};
