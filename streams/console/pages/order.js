// How the order came about: by relevance, after diversity, after caps; exploration; before and after judgement.

import { card, drawing, h, s } from "/console/assets/dom.js";
import { percent } from "/console/assets/numbers.js";

const ROW = 15;
const COLUMNS = ["relevance", "diversity", "caps", "slate"];

/** Give the card of the order. */
export function orderCard(shelf, selected) {
  const { decision } = shelf;
  const items = decision.items.filter((item) => item.rank <= decision.shown);
  const paths = items.map((item) => ({ item, ranks: [...item.ranks, item.rank] }));
  const deepest = Math.min(decision.shown + 8, Math.max(...paths.flatMap(({ ranks }) => ranks), decision.shown));
  const [width, left, right] = [420, 40, 40];
  const height = 30 + deepest * ROW;
  const x = (column) => left + ((width - left - right) * column) / (COLUMNS.length - 1);
  const y = (rank) => 24 + (Math.min(rank, deepest) - 0.5) * ROW;
  const lines = paths.map(({ item, ranks }) => {
    const points = ranks.map((rank, column) => [x(column), rank]).filter(([, rank]) => rank > 0);
    const name = item.explored ? "path explored" : item.product_id === selected?.product.product_id ? "path chosen" : ranks[0] === ranks[3] ? "path still" : "path";
    const drawn = points.map(([at, rank]) => `${at.toFixed(1)},${y(rank).toFixed(1)}`).join(" ");
    const hint = s("title", {}, `${item.title || item.product_id}: ${ranks.map((rank) => rank || "–").join(" → ")}`);
    return s("g", { class: name }, hint, s("polyline", { points: drawn }), points.map(([at, rank]) => s("circle", { cx: at, cy: y(rank), r: 2.6 })));
  });
  const numbers = Array.from({ length: deepest }, (_, at) => [
    s("text", { x: left - 12, y: y(at + 1) + 4, "text-anchor": "end" }, at + 1),
    s("text", { x: width - right + 12, y: y(at + 1) + 4, class: at < decision.shown ? "strong" : "" }, at + 1),
  ]);
  const heads = COLUMNS.map((name, column) => s("text", { x: x(column), y: 11, "text-anchor": "middle" }, name));
  const moved = paths.filter(({ ranks }) => ranks[0] !== ranks[3]).length;
  const label = `${moved} of ${paths.length} products stand elsewhere than by relevance alone`;
  return card("Order", label, drawing(width, height, label, heads, numbers, lines), explored(decision.explored));
}

function explored(one) {
  if (!one) return h("p", { class: "note" }, "No slot of this slate explores.");
  const pools = Object.entries(one.shares).sort((a, b) => b[1] - a[1]);
  const bar = h("div", { class: "stack", role: "img", "aria-label": pools.map(([pool, share]) => `${pool} ${percent(share)}`).join(", ") }, pools.map(([pool, share]) => h("i", { "--share": share, "--shade": pool === one.pool ? 0.9 : 0.25 })));
  return h("div", { class: "explored-told" }, h("p", {}, h("b", {}, `Exploration at rank ${one.rank}`), `: drawn from pool ${one.pool}, propensity ${one.propensity.toPrecision(3)}`), bar, h("p", { class: "note" }, pools.map(([pool, share]) => `${pool} ${percent(share)}`).join(" · ")));
}

/** Give the card of judgements: what covers the slate, and its ranks before and after. */
export function judgedCard(shelf) {
  const { judged, moves, revisions } = shelf;
  const covers = judged
    ? `${judged.segment} | ${judged.intent}: ${{ fine: "a table of this key", coarse: "everybody's table of the intent", none: "no table" }[judged.by]}, ${judged.hits} of the ${judged.of} best candidates judged, ${judged.covered ? "covered" : "not covered"}`
    : "Nothing to judge by: neither visit nor profile says what is looked for.";
  const body = moves.length
    ? slope(moves)
    : h("p", { class: "note" }, revisions > 1 ? "Judgement changed nothing of what is shown." : shelf.revision ? "The slate before judgement was not read." : "One revision: no judgement came after it.");
  return card("Before and after judgement", moves.length ? "revision 0 and the newest" : null, h("p", { class: "covers" }, covers), body);
}

function slope(moves) {
  const deepest = Math.max(...moves.flatMap((move) => [move.before ?? 0, move.after ?? 0]));
  const shown = Math.min(deepest, 24);
  const [width, height] = [420, 30 + (shown + 1) * ROW];
  const y = (rank) => 24 + (Math.min(rank ?? shown + 1, shown + 1) - 0.5) * ROW;
  const lines = moves.map(({ title, before, after }) => {
    const name = before === after ? "path still" : (before ?? 99) > (after ?? 99) ? "path chosen" : "path";
    const hint = s("title", {}, `${title}: ${before ?? "–"} → ${after ?? "–"}`);
    const text = after !== null && after <= shown ? s("text", { x: 150, y: y(after) + 4, class: before === after ? "" : "strong" }, `${after}  ${title}`.slice(0, 44)) : null;
    return s("g", { class: name }, hint, s("line", { x1: 34, x2: 140, y1: y(before), y2: y(after) }), s("circle", { cx: 34, cy: y(before), r: 2.6 }), s("circle", { cx: 140, cy: y(after), r: 2.6 }), text, s("text", { x: 24, y: y(before) + 4, "text-anchor": "end" }, before !== null && before <= shown ? before : "–"));
  });
  const up = moves.filter(({ before, after }) => (before ?? 999) > (after ?? 999)).length;
  return drawing(width, height, `${up} products stand higher after judgement`, s("text", { x: 34, y: 11, "text-anchor": "middle" }, "before"), s("text", { x: 140, y: 11, "text-anchor": "middle" }, "after"), lines);
}
