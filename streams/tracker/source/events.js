// What happens on a page view, in our terms: GA4's names and parameters come in, events go out.

const NAMES = (
  "page_view view_item view_item_list view_search_results search select_item add_to_cart remove_from_cart " +
  "begin_checkout purchase refund"
).split(" ");

let click; // the last one on a slate
let told; // the product viewed last, and the words searched for, on this view
let lastAt = 0;
const trackedAt = {}; // event id -> when, for `timings`

// Insecure contexts have no `randomUUID`.
const newId = () => crypto.randomUUID?.() || crypto.getRandomValues(new Uint32Array(4)).join("-");

const param = (name) => new URLSearchParams(location.search).get(name)?.slice(0, 128);

// Without the query: it may be personal, and campaign and search words are told apart from it.
const cleaned = (url) => url.split(/[?#]/)[0];

// Events of one page differ in their time: its order is theirs.
const make = (name, more) => {
  lastAt = Math.max(Date.now(), lastAt + 1);
  const event = {event_id: newId(), name, at: new Date(lastAt), page: view.page, ...more};
  if (isGranted()) trackedAt[event.event_id] = now(); // else the wait is the visitor's, who has not decided
  return event;
};

const number = (value) => (value != null && value !== "" && value >= 0 ? +value : undefined);

const itemsOf = ({items = [], currency}) =>
  items
    .slice(0, 200)
    .map((item) => ({
      product_id: String(item.item_id || item.item_name || ""),
      quantity: number(item.quantity && Math.round(item.quantity)),
      price: number(item.price),
      currency: item.currency || currency,
    }))
    .filter((item) => item.product_id);

const track = (name, params = {}) => {
  if (!NAMES.includes(name)) throw new Error("no event " + name);
  if (name === "page_view") return location.href !== view.href && turn();
  if (name === "view_search_results") name = "search";
  const event = {items: itemsOf(params)};
  const product = event.items[0]?.product_id;
  if (name === "search") event.query = String(params.search_term || "").slice(0, 512);
  if (name === "search" || name === "view_item") {
    const what = event.query || product;
    if (!what || told[name] === what) return; // told before, by `page` or by another tag
    told[name] = what;
  }
  if (name === "view_item") event.shown = arrival(product);
  // The page's own words for a click that was told already.
  if (name === "select_item" && click?.product === product && Date.now() - click.at < 1000) return;
  // A confirmation that is loaded again is the same purchase.
  if (name === "purchase" && params.transaction_id) event.event_id = "purchase:" + params.transaction_id;
  record(make(name, event));
};

const selected = (product, shown) => {
  click = {product, shown, at: Date.now()};
  if (isGranted()) write(CLICK, click);
  record(make("select_item", {items: [{product_id: product}], shown}));
  flush(); // this page may be gone in a moment
};

// Which place of which slate led to a product's page: a minute later it is a visit of its own.
const arrival = (product) => {
  const last = click || read(CLICK);
  click = null;
  write(CLICK);
  if (last?.product === product && Date.now() - last.at < 6e4) return last.shown;
};

const landing = () => {
  const agent = navigator.userAgent;
  const told = {
    device: /bot|crawl|spider/i.test(agent) ? "bot" : /Mobi/.test(agent) ? "mobile" : "desktop",
    local_hour: new Date().getHours(),
  };
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (name.startsWith("utm_")) told[name] = value.slice(0, 128);
  }
  return told;
};

// Begins a page view; the one before gets its last ping.
const begin = ({kind, productId, query}) => {
  if (view) endView();
  if (consent === "unknown") queue = [];
  kind ||= productId ? "product" : query && "search";
  if (kind === "search") query ||= param(settings.searchParam);
  const referrer = view ? view.page.url : cleaned(document.referrer);
  const page = {view_id: newId(), url: cleaned(location.href), referrer, kind};
  view = {page, kind, productId, query, href: location.href};
  told = {};
  record(make("page_view", {context: landing()}));
  track("view_item", {items: [{item_id: productId}]});
  if (kind === "search") track("search", {search_term: query});
  beginEngagement();
};
