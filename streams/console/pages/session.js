// The session: events, steps on a line of time, and the context they make.

import { card, drawing, h, s } from "/console/assets/dom.js";
import { ago, percent, price, signed } from "/console/assets/numbers.js";
import { meter, table } from "/console/assets/figures.js";
import { width as room } from "/console/assets/plots.js";

const STAGES = ["landing", "browsing", "comparing", "buying"];
const VERBS = {
  view: "viewed",
  click: "clicked",
  cart: "into the cart",
  remove: "out of the cart",
  purchase: "bought",
  refund: "gave back",
  impression: "saw",
};

/** Give the cards of a session. */
export function sessionCards(told) {
  const { session } = told;
  if (!session) return [];
  if (!session.known) {
    const why = told.consent === false ? "Without consent nothing is kept of this visitor: there is nothing to show but the event itself." : "Nothing is kept of this visitor's session.";
    return h("div", { class: "session" }, card("Session", null, h("p", { class: "notice" }, why)), eventsCard(told));
  }
  return h("div", { class: "session" }, stepsCard(told), h("div", { class: "column" }, contextCard(told), eventsCard(told)));
}

function stepsCard({ session }) {
  const steps = [...session.steps].reverse();
  const most = Math.max(0.01, ...steps.map((step) => Math.abs(step.weight)));
  const longest = Math.max(1, ...steps.map((step) => step.dwell_s ?? 0));
  const rows = steps.map((step) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: "step-kind" }, VERBS[step.kind] ?? step.kind),
      h("td", { class: "step-title", title: step.product_id }, step.title || step.product_id),
      h("td", { class: "weigh-cell" }, weigh(step.weight / most), signed(step.weight)),
      h("td", { class: "bar-cell" }, step.dwell_s === null ? h("span", { class: "dim" }, "–") : [meter(step.dwell_s / longest), `${Math.round(step.dwell_s)} s`]),
      h("td", { class: "bar-cell" }, step.scroll === null ? h("span", { class: "dim" }, "–") : [meter(step.scroll), percent(step.scroll)]),
      h("td", { class: "dim" }, ago(step.ago_s).replace(" ago", "")),
    ),
  );
  const visit = `visit ${session.n_sessions} · ${session.n_events} events`;
  const body = steps.length
    ? [line(session.steps), table(["step", "product", "weight", "dwell", "scroll", "ago"], rows, "Steps of the session, newest first")]
    : h("p", { class: "note" }, "No product was looked at yet.");
  return card("Session", visit, stages(session.stage), body);
}

function stages(stage) {
  return h(
    "ol",
    { class: "stages", "aria-label": "Stage of the visit" },
    STAGES.map((one) => h("li", one === stage ? { "aria-current": "step" } : {}, one)),
  );
}

/** Draw steps on a line of time: as large as their weight, hollow where it is negative. */
function line(steps) {
  const [width, height] = [room(), 54];
  const oldest = Math.max(30, ...steps.map((step) => step.ago_s));
  const most = Math.max(0.01, ...steps.map((step) => Math.abs(step.weight)));
  const x = (agoS) => 14 + (width - 28) * (1 - agoS / oldest);
  const marks = steps.map((step) => {
    const r = 3 + 8 * Math.sqrt(Math.abs(step.weight) / most);
    const kind = step.weight < 0 ? "step negative" : "step";
    const hint = s("title", {}, `${VERBS[step.kind] ?? step.kind} ${step.title || step.product_id}, ${ago(step.ago_s)}`);
    const stay = step.dwell_s ? s("line", { class: "stay", x1: x(step.ago_s), x2: x(Math.max(0, step.ago_s - step.dwell_s)), y1: 20, y2: 20 }) : null;
    const shape = ["cart", "purchase"].includes(step.kind)
      ? s("rect", { class: kind, x: x(step.ago_s) - r, y: 20 - r, width: 2 * r, height: 2 * r, rx: 2 }, hint)
      : s("circle", { class: kind, cx: x(step.ago_s), cy: 20, r }, hint);
    return [stay, shape];
  });
  return drawing(
    width,
    height,
    `${steps.length} steps over ${ago(oldest).replace(" ago", "")}`,
    s("line", { class: "axis", x1: 8, x2: width - 8, y1: 20, y2: 20 }),
    marks,
    s("text", { x: 8, y: height - 4 }, ago(oldest)),
    s("text", { x: width - 8, y: height - 4, "text-anchor": "end" }, "last event"),
  );
}

/** Draw a number -1..1 as a bar from the middle. */
export function weigh(share) {
  const bounded = Math.max(-1, Math.min(1, share));
  const name = bounded < 0 ? "weigh negative" : "weigh";
  return h("i", { class: name, "--share": Math.abs(bounded).toFixed(4), "aria-hidden": "true" });
}

function contextCard({ session, context, products }) {
  const titled = (id) => products[id]?.title || id;
  return card(
    "What it comes to",
    context?.usual_price ? `looks at about ${price(context.usual_price)}, band ${context.price_band}` : null,
    context ? mix(context.categories) : null,
    facts([
      ["landing", session.landing ? Object.entries(session.landing).map(([name, value]) => `${name} ${value}`).join(", ") : ""],
      ["search", session.query ?? ""],
      ["cart", session.cart.map(titled).join(", ")],
      ["bought", session.purchased.map(titled).join(", ")],
      ["skipped", session.skipped.map(titled).join(", ")],
      ["seen, not clicked", session.seen_unclicked.length ? `${session.seen_unclicked.length} products` : ""],
      ["ever", `${session.views} views, ${session.carts} carts, ${session.purchases} purchases`],
    ]),
    context ? weights(context.weights) : null,
  );
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function mix(categories) {
  if (!categories.length) return h("p", { class: "note" }, "No categories yet.");
  const shade = (at) => Math.max(0.12, 0.85 - 0.16 * at).toFixed(2);
  return [
    h("div", { class: "stack", role: "img", "aria-label": categories.map(([name, share]) => `${name} ${percent(share)}`).join(", ") }, categories.map(([, share], at) => h("i", { "--share": share, "--shade": shade(at) }))),
    h("ul", { class: "key" }, categories.slice(0, 6).map(([name, share], at) => h("li", {}, h("i", { class: "swatch", "--shade": shade(at), "aria-hidden": "true" }), h("span", {}, name), h("b", {}, percent(share))))),
  ];
}

function weights(named) {
  const merged = new Map();
  for (const { product_id: id, title, value } of named) {
    const known = merged.get(id) ?? { title: title || id, value: 0 };
    known.value += value;
    merged.set(id, known);
  }
  const order = [...merged.values()].sort((one, other) => Math.abs(other.value) - Math.abs(one.value)).slice(0, 8);
  const most = Math.max(0.01, ...order.map((one) => Math.abs(one.value)));
  if (!order.length) return null;
  return h("div", { class: "weights" }, h("h3", {}, "Context vector"), h("ul", {}, order.map((one) => h("li", {}, h("span", { class: "cut" }, one.title), weigh(one.value / most), h("b", {}, signed(one.value))))));
}

function eventsCard({ events }) {
  const rows = events.map((event) => {
    const about = event.query ? `“${event.query}”` : event.products.map(([id, title]) => title || id).join(", ") || event.page;
    const more = [
      event.placement ? `${event.placement}${event.rank ? ` #${event.rank}` : ""}` : "",
      event.dwell_s !== null ? `${Math.round(event.dwell_s)} s` : "",
      event.scroll !== null ? `${percent(event.scroll)} seen` : "",
      event.consent ? "" : "no consent",
    ].filter(Boolean);
    return h("li", {}, h("span", { class: "dim" }, event.at.slice(11, 19)), h("b", {}, event.name), h("span", { class: "cut", title: about }, about), h("span", { class: "dim" }, more.join(" · ")));
  });
  return card("Events", "newest first, UTC", h("ol", { class: "events", tabindex: "0", "aria-label": "Events, newest first" }, rows));
}
