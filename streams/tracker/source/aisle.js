// The tracker's public side; docs/tracker.md says how it is used. Every call is safe, in any order.

const readLayer = (entry) => {
  const [name, params] = entry?.[0] === "event" ? [entry[1], entry[2]] : [entry?.event, {...entry, ...entry?.ecommerce}];
  if (NAMES.includes(name)) track(name, params);
};

// Reads what was pushed and what will be; the page's own `push` goes first and gives the answer.
const watchLayer = (name) => {
  const layer = (window[name] ||= []);
  const {push} = layer;
  layer.push = function (...entries) {
    const answer = push.apply(this, entries);
    entries.forEach(safe(readLayer));
    return answer;
  };
  [...layer].forEach(safe(readLayer));
};

const init = (options = {}) => {
  if (view) return;
  Object.assign(settings, options);
  consent = isRefusedByBrowser ? "refused" : options.consent || consent;
  if (consent === "refused") refuse();
  watchActivity();
  listen("click auxclick", clicked);
  listen("pagehide", () => {
    endView();
    sendLast();
    unfollow();
  });
  listen("pageshow", ({persisted}) => persisted && turn(view));
  listen("online", () => {
    pausedUntil = 0;
    drain();
  });
  turn(options);
  if (options.dataLayer) watchLayer(options.dataLayer);
  early.forEach((run) => safe(run)());
  setInterval(safe(poll), settings.pollMs);
};

const decide = (choice) => {
  const before = consent;
  consent = choice === "granted" && !isRefusedByBrowser ? choice : "refused";
  if (consent === before) return;
  if (isGranted()) {
    if (before === "refused") begin(view);
    flush();
  } else {
    refuse();
    if (before === "granted") queue.push(make("forget", {page: undefined}));
    flush();
    slots.forEach(openSlot);
  }
  tell("consent", consent);
};

// Leaves nothing behind; `forget` follows when what is on its way has arrived.
const refuse = () => {
  unfollow();
  write(QUEUE);
  write(CLICK);
  queue = [];
  timings = [];
  click = isKnown = null;
  pausedUntil = 0;
  for (const slot of slots) slot.shelf = null;
};

// Begins a view and shows its shelves; what left the page with the one before is let go.
const turn = (options = {}) => {
  begin(options);
  for (const slot of slots) {
    if (slot.element.isConnected) openSlot(slot);
    else slots.delete(slot);
  }
};

const openSlot = (slot) => {
  const {placement, productId = view.productId} = slot.options;
  const anchor = slot.options.anchor || {product: productId, category: view.page.url, search: view.query}[placement];
  if (anchor !== slot.anchor) slot.shelf = null;
  slot.anchor = anchor;
  fill(slot);
  followSoon();
};

const addSlot = (element, options) => {
  const slot = {...options, options, element};
  while (element.children.length < options.size) {
    element.append(document.createElement("div"));
  }
  slots.add(slot);
  if (view) openSlot(slot);
  return slot;
};

const aisle = {
  init: safe(init),
  consent: whenStarted(decide),
  page: whenStarted(turn),
  track: whenStarted(track),
  slot(element, options) {
    const slot = safe(addSlot)(element, options);
    return {
      close: safe(() => {
        slots.delete(slot);
        followSoon();
      }),
    };
  },
  on: safe((type, listener) => {
    (listeners[type] ||= []).push(safe(listener));
  }),
  flush: safe(() => {
    tellSeen();
    flush();
  }),
};
