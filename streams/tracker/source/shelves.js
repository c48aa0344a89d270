// Where shelves come from: a request when a slot is made, then one stream for the page; where that cannot be, polling.

let stream;
let followed; // the stream's address
let followTimer;

const question = ({placement, anchor}) => {
  const {device, utm_campaign = ""} = landing();
  const asked = new URLSearchParams({placement, device, campaign: utm_campaign});
  if (anchor) asked.set(placement === "product" ? "product_id" : "anchor", anchor);
  return asked;
};

// An empty shelf is being thought about: ask again, less and less often, as long as the page is there.
const fill = safe(async (slot, wait = 500) => {
  const {anchor} = slot;
  try {
    const credentials = isGranted() ? "include" : "omit";
    const response = await fetch(address("recommendations?" + question(slot)), {credentials});
    const shelf = await response.json();
    if (!response.ok) throw shelf; // says what placements there are
    if (anchor !== slot.anchor) return; // another page by now
    slot.called = shelf.anchor;
    if (shelf.items[0]) take(slot, shelf);
  } finally {
    if (!slot.shelf && slots.has(slot)) {
      clearTimeout(slot.timer);
      slot.timer = later(() => fill(slot, 1.4 * wait), wait);
    }
  }
});

const unfollow = () => {
  stream?.close();
  stream = null;
};

const follow = () => {
  if (!isKnown || !slots.size || !window.EventSource) return;
  const shelves = new URLSearchParams();
  for (const {placement, anchor} of slots) shelves.append("shelf", placement + (anchor ? ":" + anchor : ""));
  const url = address("stream?" + shelves);
  if (stream?.readyState < 2 && followed === url) return;
  unfollow();
  followed = url;
  stream = new EventSource(url, {withCredentials: true});
  listen("slate", ({data}) => {
    const shelf = JSON.parse(data);
    for (const slot of slots) {
      const isItsAnchor = !slot.anchor || [slot.anchor, slot.called].includes(shelf.anchor);
      if (slot.placement === shelf.placement && isItsAnchor) take(slot, shelf);
    }
  }, stream);
  listen("withdraw", ({data}) => withdraw(JSON.parse(data).product_ids), stream);
};

const followSoon = () => {
  clearTimeout(followTimer);
  followTimer = later(follow);
};

const poll = () => {
  if (!isGranted() || document.hidden || stream?.readyState === 1) return;
  slots.forEach((slot) => fill(slot));
  follow();
};
