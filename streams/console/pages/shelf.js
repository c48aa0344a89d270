// A visitor's slates: items, and the way that led to them.

import { card, h } from "/console/assets/dom.js";
import { ago, count, duration, percent, price, signed } from "/console/assets/numbers.js";
import { meter, table } from "/console/assets/figures.js";
import { matrixCard, removedCard } from "/console/assets/matrix.js";
import { judgedCard, orderCard } from "/console/assets/order.js";
import { weigh } from "/console/assets/session.js";

/** Give the cards of the shelves; `view` is asked what is chosen, and told. */
export function shelfCards(told, view) {
  if (!told.shelves.length) return h("p", { class: "notice" }, "No slate of this visitor was read yet.");
  const shelf = told.shelves.find((one) => one.placement === view.shelf) ?? told.shelves.find((one) => one.decision) ?? told.shelves[0];
  const item = shelf.items.find((one) => one.product.product_id === view.item) ?? shelf.items[0];
  return h(
    "div",
    { class: "shelf" },
    tabs(told.shelves, shelf, view),
    itemsCard(shelf, item, view),
    shelf.why_not && shelf.why_not !== told.why_not ? h("p", { class: "notice" }, shelf.why_not) : null,
    h(
      "div",
      { class: "shelf-cards" },
      h("div", { class: "column" }, item ? whyCard(shelf, item) : null, shelf.decision ? removedCard(shelf.decision) : null),
      shelf.decision ? h("div", { class: "column" }, orderCard(shelf, item)) : null,
      h("div", { class: "column" }, judgedCard(shelf), lineageCard(shelf)),
      shelf.decision ? matrixCard(shelf.decision, view) : null,
    ),
  );
}

function tabs(shelves, chosen, view) {
  const now = Date.now();
  return h(
    "div",
    { class: "tabs", role: "group", "aria-label": "Shelves" },
    [...shelves]
      .sort((one, other) => one.placement.localeCompare(other.placement))
      .map((one) =>
        h(
          "button",
          { type: "button", "data-key": `shelf-${one.placement}`, "aria-pressed": one === chosen ? "true" : "false", onclick: () => view.choose(one.placement) },
          one.placement,
          h("span", { class: "dim" }, ago((now - Date.parse(one.decided_at)) / 1000)),
        ),
      ),
  );
}

function itemsCard(shelf, selected, view) {
  const shown = shelf.items.filter((item) => item.rank <= shelf.shown);
  const reserves = shelf.items.filter((item) => item.rank > shelf.shown);
  const took = shelf.written_after_ms === null ? "" : ` · written ${duration(shelf.written_after_ms)} after the event`;
  const beside = `${shelf.anchor ? `for ${shelf.anchor} · ` : ""}revision ${shelf.revision}${took}`;
  return card(
    `Slate: ${shelf.placement}`,
    beside,
    outcome(shelf.decision),
    h("ol", { class: "items", "data-scroll": "items" }, shown.map((item) => itemOf(item, shelf, selected, view))),
    reserves.length ? h("p", { class: "note reserves" }, `and ${reserves.length} reserves: `, reserves.map((item) => item.product.title || item.product.product_id).join(", ")) : null,
  );
}

function outcome(decision) {
  if (!decision) return null;
  const order = decision.same_order
    ? "Decided again here, all its products come out in the same order"
    : decision.same_shown
      ? "Decided again here, what is shown comes out in the same order; the reserves do not"
      : `Decided again here, the order comes out otherwise: ${decision.same_ranks} of ${decision.shown} shown products keep their rank`;
  const model = `model offset ${count(decision.model)} decided it, offset ${count(decision.told_with)} tells it`;
  const proof = decision.model === decision.told_with ? "" : ": near, but no proof";
  const other = decision.same_settings ? "" : " It was decided under other settings or by another build.";
  return h("p", { class: decision.same_shown ? "outcome" : "outcome otherwise" }, `${order}; ${model}${proof}.${other}`);
}

function itemOf(item, shelf, selected, view) {
  const { product_id: id, title, category, price: cost } = item.product;
  const told = shelf.decision?.items.find((one) => one.product_id === id);
  const marks = [
    shelf.explored?.rank === item.rank ? h("span", { class: "tag own" }, "explored") : null,
    told?.reserved ? h("span", { class: "tag" }, "new here") : null,
    told?.judged !== null && told?.judged !== undefined ? h("span", { class: "tag" }, `judge ${told.judged.toFixed(1)}`) : null,
  ];
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "item", "data-key": `item-${id}`, "aria-pressed": item === selected ? "true" : "false", onclick: () => view.select(id) },
      h("span", { class: "item-rank" }, item.rank),
      h("span", { class: "item-title" }, title || id),
      h("span", { class: "dim item-more" }, [category.split(" > ").at(-1), price(cost)].filter(Boolean).join(" · ")),
      meter(item.score),
      h("span", { class: "item-reason" }, item.reason),
      h("span", { class: "tags" }, marks),
    ),
  );
}

function whyCard(shelf, item) {
  const told = shelf.decision?.items.find((one) => one.product_id === item.product.product_id);
  const title = item.product.title || item.product.product_id;
  if (!told) {
    const rows = item.sources.map(([source, share]) => h("li", {}, h("span", {}, source), meter(share), h("b", {}, percent(share))));
    return card(`Why #${item.rank}`, "shares of each source's best, as the slate carries them", h("p", { class: "why-title" }, title), h("ul", { class: "weights bars" }, rows));
  }
  const parts = told.contributions.filter(([name]) => name !== "intercept");
  const most = Math.max(0.01, ...parts.map(([, value]) => Math.abs(value)));
  const rows = parts.slice(0, 14).map(([name, value]) => h("li", {}, h("span", { class: "cut" }, name), weigh(value / most), h("b", {}, signed(value))));
  const intercept = told.contributions.find(([name]) => name === "intercept");
  const path = told.ranks.map((rank) => (rank ? `#${rank}` : "–"));
  return card(
    `Why #${item.rank}`,
    intercept ? "log-odds by source" : "what each source adds: nothing is known of the visitor",
    h("p", { class: "why-title" }, title, h("span", { class: "dim" }, item.reason ? ` — ${item.reason}` : "")),
    h("ul", { class: "weights bars" }, rows),
    h(
      "dl",
      { class: "pairs" },
      one("Blend", told.blend.toFixed(3), "score before it is stretched over the candidates"),
      one("Shelf adds", signed(told.emphasis)),
      one("Seen without a click", told.times_shown ? `${told.times_shown} times: × ${told.fatigue.toFixed(2)}` : "never"),
      told.judged === null ? null : one("Language model", `${told.judged.toFixed(1)} of 10`),
      one("Score", told.score.toFixed(4)),
      one("Rank", `${path[0]} by relevance, ${path[1]} after diversity, ${path[2]} after caps`),
    ),
  );
}

function one(name, value, hint) {
  return h("div", hint ? { title: hint } : {}, h("dt", {}, name), h("dd", {}, value));
}

function lineageCard({ cause, lineage, slate_id: id, decision }) {
  const logs = [
    ["clickstream.events", cause.partition, cause.offset],
    ...Object.entries(lineage.products).map(([partition, offset]) => ["catalog.products", partition, offset]),
    ...Object.entries(lineage.embeddings).map(([partition, offset]) => ["catalog.embeddings", partition, offset]),
    ["learning", 0, lineage.model],
    ["judgements", 0, lineage.judgements],
  ].filter(([, , offset]) => offset >= 0);
  const rows = logs.map(([log, partition, offset]) => h("tr", {}, h("th", { scope: "row" }, log), h("td", {}, partition), h("td", {}, count(offset))));
  return card(
    "Lineage",
    `settings ${lineage.settings} · build ${lineage.build}`,
    table(["log", "partition", "offset"], rows),
    h("p", { class: "note proof" }, "The proof: ", h("code", {}, `aisle explain ${id}`), decision && !decision.timed_out.length ? "" : decision ? `. Done without: ${decision.timed_out.join(", ")}` : ""),
  );
}
