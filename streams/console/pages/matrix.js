// Every candidate with what each source gave it, and what kept others off.

import { card, h } from "/console/assets/dom.js";
import { count, percent, price } from "/console/assets/numbers.js";
import { meter, table } from "/console/assets/figures.js";

/** Give the matrix of candidates: a row each, a column for each source, the darker the nearer to the source's best. */
export function matrixCard(decision, view) {
  const found = new Map(decision.found);
  const judged = decision.candidates.some((one) => one.judged !== null);
  const head = [
    h("th", { scope: "col", class: "candidate" }, "candidate"),
    h("th", { scope: "col", class: "fate" }, "what became of it"),
    h("th", { scope: "col", class: "cost" }, "price"),
    h("th", { scope: "col", class: "relevance" }, "relevance"),
    decision.sources.map((source) => h("th", { scope: "col", class: "source", title: `${source}: ${count(found.get(source))} candidates` }, h("span", {}, source))),
    judged ? h("th", { scope: "col", class: "source" }, h("span", {}, "judge")) : null,
  ];
  const most = Math.max(0.01, ...decision.candidates.map((one) => one.relevance));
  const rows = decision.candidates.map((one) => row(one, { decision, most, judged, view }));
  const beside = `the best ${decision.candidates.length} of ${count(decision.of)}; a cell is the share of its source's best`;
  return h(
    "section",
    { class: "card matrix-card" },
    h("header", {}, h("h2", {}, "Candidates by source"), h("p", {}, beside)),
    h("div", { class: "scrolled", "data-scroll": "matrix", tabindex: "0", role: "region", "aria-label": "Candidates by source" }, h("table", { class: "matrix" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))),
  );
}

function row(one, { decision, most, judged, view }) {
  const { product_id: id, title, category, price: cost } = one.product;
  const shown = one.rank !== null && one.rank <= decision.shown;
  return h(
    "tr",
    { class: shown ? "shown" : one.rank === null ? "left-out" : "reserve", "aria-selected": view.item === id ? "true" : null },
    h("th", { scope: "row", class: "candidate", title: `${title || id} · ${category}` }, title || id),
    h("td", { class: "fate" }, fate(one, shown)),
    h("td", { class: "dim cost" }, price(cost)),
    h("td", { class: "relevance" }, meter(one.relevance / most), h("span", { class: "vh" }, one.relevance.toFixed(3))),
    one.shares.map((share, at) => cell(share, `${decision.sources[at]} ${share.toFixed(3)}`, percent(share))),
    judged ? cell((one.judged ?? 0) / 10, one.judged === null ? "not judged" : `judge ${one.judged.toFixed(1)} of 10`, one.judged?.toFixed(1) ?? "–") : null,
  );
}

function fate(one, shown) {
  if (shown) return h("b", {}, `#${one.rank}`);
  return one.rank === null ? one.why : `reserve ${one.rank}`;
}

function cell(share, hint, read) {
  const name = share > 0 ? "heat" : "heat none";
  return h("td", { class: name, title: hint, "--share": share.toFixed(3) }, h("i", { "aria-hidden": "true" }), h("span", { class: "vh" }, share > 0 ? read : "0"));
}

/** Give what was kept off and why. */
export function removedCard({ removed, of }) {
  const most = Math.max(1, ...removed.map((one) => one.count));
  const rows = removed.map((one) =>
    h(
      "tr",
      { title: one.best.map((best) => best.title || best.product_id).join(", ") },
      h("th", { scope: "row" }, one.why),
      h("td", { class: "wide" }, meter(one.count / most)),
      h("td", {}, count(one.count)),
      h("td", { class: "example cut" }, one.best[0] ? one.best[0].title || one.best[0].product_id : ""),
    ),
  );
  const body = removed.length ? table(["why", "", "count", "for example"], rows) : h("p", { class: "note" }, "Nothing was kept off.");
  return card("Kept off", `of ${count(of)} candidates`, body);
}
