// The installation's figures.

import { card, h, replace } from "/console/assets/dom.js";
import { ago, clock, count, duration, percent, rate } from "/console/assets/numbers.js";
import { histogram, rates, spark } from "/console/assets/plots.js";

const WINDOW_S = 10;
const MUCH_LAG = 5000;

const sum = (values) => values.reduce((total, one) => total + one, 0);
const lately = (values) => sum(values.slice(-WINDOW_S)) / WINDOW_S;

/** Draw the figures into an element. */
export function showFigures(element, told) {
  const { course } = told;
  const slates = Object.entries(course.slates).sort((one, other) => sum(other[1]) - sum(one[1]));
  const total = course.events.map((_, at) => sum(slates.map(([, values]) => values[at])));
  replace(
    element,
    h("div", { class: "tiles" }, tiles(told, total)),
    h(
      "div",
      { class: "cards" },
      eventsCard(course),
      slatesCard(course, slates),
      latencyCard(course.latency),
      told.metrics.pages.length ? [browserCard(told.metrics), judgeCard(told.judge)] : judgeCard(told.judge),
      lagCard(told.lag),
      deadCard(told.dead, told.at_s),
      worldCard(told),
      told.metrics.pages.length ? pagesCard(told.metrics.pages) : null,
    ),
  );
}

function tile(name, value, { beside, plot, warned } = {}) {
  return h(
    "div",
    { class: warned ? "tile card warned-card" : "tile card" },
    h("p", { class: "tile-name" }, name),
    h("p", { class: "tile-value" }, value),
    h("p", { class: "note" }, beside ?? ""),
    plot ?? null,
  );
}

function tiles({ course, lag, dead, active }, total) {
  const known = lag.partitions.filter((one) => one.lag !== null);
  const behind = sum(known.map((one) => one.lag));
  const refused = sum(dead.map((one) => one.count));
  return [
    tile("Events", rate(lately(course.events)), {
      beside: "a second",
      plot: spark(course.events.slice(-120), "Events a second, the last two minutes"),
    }),
    tile("Slates", rate(lately(total)), {
      beside: "a second",
      plot: spark(total.slice(-120), "Slates a second, the last two minutes"),
    }),
    tile("Event to slate", duration(course.latency.p50), {
      beside: `median; p99 ${duration(course.latency.p99)}`,
    }),
    tile("Lag", known.length ? count(behind) : "–", {
      beside: known.length ? `events not committed yet, ${known.length} partitions` : "nothing committed yet",
      warned: behind > MUCH_LAG,
    }),
    tile("Dead letters", count(refused), {
      beside: refused ? "at the end of the log and since" : "none at the end of the log",
      warned: refused > 0,
    }),
    tile("Active visitors", count(active.real), { beside: `and ${count(active.simulated)} simulated` }),
  ];
}

function eventsCard(course) {
  const label = `Events a second over five minutes, now ${rate(lately(course.events))}`;
  const plot = rates([["events", course.events]], { seconds: course.events.length, label });
  return card("Events a second", course.sampled ? "partly sampled: the traffic is high" : "five minutes", plot);
}

function slatesCard(course, slates) {
  const now = slates.map(([name, values]) => [name, lately(values)]);
  const label = `Slates a second by placement: ${now.map(([name, value]) => `${name} ${rate(value)}`).join(", ")}`;
  const layers = slates.length ? slates : [["slates", course.events.map(() => 0)]];
  const key = h(
    "ul",
    { class: "key" },
    now.map(([name, value], layer) =>
      h("li", {}, swatch(layer, layers.length), h("span", {}, name), h("b", {}, rate(value))),
    ),
  );
  return card("Slates a second", "by placement", rates(layers, { seconds: course.events.length, label }), key);
}

function swatch(layer, layers) {
  const shade = layers === 1 ? 0.22 : 0.75 - (0.6 * layer) / Math.max(1, layers - 1);
  return h("i", { class: "swatch", "--shade": shade.toFixed(2), "aria-hidden": "true" });
}

const quantiles = (spread) =>
  `p50 ${duration(spread.p50)} · p90 ${duration(spread.p90)} · p99 ${duration(spread.p99)}`;

function latencyCard(spread) {
  const label = `Event to slate over the last minute: ${quantiles(spread)}`;
  return card("Event to slate", `${quantiles(spread)}, last minute`, histogram(spread, label));
}

function browserCard({ histograms }) {
  const spread = histograms.gateway_browser_seconds ?? histograms.gateway_slate_seconds;
  if (!spread) {
    return card("Event to browser", null, h("p", { class: "note" }, "The pages that AISLE_CONSOLE_METRICS lists tell none yet."));
  }
  const what = histograms.gateway_browser_seconds ? "Event to painted slate" : "Event to gateway";
  const label = `${what}: ${quantiles(spread)}`;
  return card(what, `${quantiles(spread)}, since the gateways began`, histogram(spread, label));
}

function lagCard({ partitions, age_s: age }) {
  const most = Math.max(1, ...partitions.map((one) => one.lag ?? 0));
  const rows = partitions.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, one.partition),
      h("td", { class: "wide" }, meter((one.lag ?? 0) / most, one.lag > MUCH_LAG)),
      h("td", {}, one.lag === null ? "–" : count(one.lag)),
      h("td", { class: "dim" }, one.committed === null ? "–" : count(one.committed)),
      h("td", { class: "dim" }, one.end === null ? "–" : count(one.end)),
    ),
  );
  const beside = age === null ? "not known yet" : age > 15 ? `as of ${ago(age)}` : "events behind the end";
  return card("Lag by partition", beside, table(["partition", "", "lag", "committed", "end"], rows));
}

export function meter(share, warned = false) {
  const bounded = Math.max(0, Math.min(1, share));
  return h("i", { class: warned ? "meter warned-meter" : "meter", "--share": bounded.toFixed(4), "aria-hidden": "true" });
}

export function table(names, rows, label) {
  return h(
    "div",
    { class: "scrolled" },
    h(
      "table",
      label ? { "aria-label": label } : {},
      h("thead", {}, h("tr", {}, names.map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))))),
      h("tbody", {}, rows),
    ),
  );
}

const BY = {
  fine: "of their own key",
  coarse: "of everybody with the intent",
  partial: "too few",
  none: "none",
  "nothing to judge by": "nothing to judge by",
};

function judgeCard(judge) {
  const order = Object.keys(BY).filter((by) => judge.by[by]);
  const covered = ((judge.by.fine ?? 0) + (judge.by.coarse ?? 0)) / Math.max(1, judge.count);
  const bar = h(
    "div",
    { class: "stack", role: "img", "aria-label": order.map((by) => `${BY[by]} ${percent(judge.by[by] / judge.count)}`).join(", ") },
    order.map((by, layer) => h("i", { "--share": judge.by[by] / judge.count, "--shade": [0.85, 0.55, 0.3, 0.16, 0.08][layer] })),
  );
  const key = h(
    "ul",
    { class: "key" },
    order.map((by, layer) =>
      h(
        "li",
        {},
        h("i", { class: "swatch", "--shade": [0.85, 0.55, 0.3, 0.16, 0.08][layer], "aria-hidden": "true" }),
        h("span", {}, BY[by]),
        h("b", {}, percent(judge.by[by] / judge.count)),
      ),
    ),
  );
  const spent = judge.budget_usd ? judge.spent_usd / judge.budget_usd : 0;
  return card(
    "Judgements of the language model",
    judge.asks ? `${judge.placements.join(", ")}, five minutes` : "no language model is asked",
    judge.count ? [h("p", { class: "big" }, percent(covered), h("span", {}, " of slates covered at once")), bar, key] : h("p", { class: "note" }, "No slate of a judged placement yet."),
    h(
      "dl",
      { class: "pairs" },
      pair("Tables", judge.tables === null ? "–" : count(judge.tables)),
      pair("Slates written again", count(judge.revisions)),
      pair("Spent this hour", `$${judge.spent_usd.toFixed(judge.spent_usd < 1 ? 4 : 2)} of $${judge.budget_usd.toFixed(2)}`, meter(spent, spent > 0.9)),
    ),
  );
}

function pair(name, value, more) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, more ?? null));
}

function deadCard(dead, now) {
  if (!dead.length) return card("Dead letters", null, h("p", { class: "note" }, "None at the end of the log."));
  const most = Math.max(...dead.map((one) => one.count));
  const rows = dead.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, one.reason),
      h("td", { class: "wide" }, meter(one.count / most, true)),
      h("td", {}, count(one.count)),
      h("td", { class: "dim" }, ago(Math.max(0, now - one.last_ms / 1000))),
    ),
  );
  return card("Dead letters", "by reason; aisle dead tells more", table(["reason", "", "letters", "last"], rows));
}

function worldCard({ world, at_s: now, lookers }) {
  const behind = Object.entries(world.behind).filter(([, lag]) => lag > 0);
  return card(
    "What visitors are told with",
    world.ready ? "at the end of its logs" : "not ready",
    world.why_not ? h("p", { class: "notice" }, world.why_not) : null,
    world.unlearned ? h("p", { class: "notice warned" }, `${count(world.unlearned)} steps are no longer in the log: the model here is not the workers'.`) : null,
    h(
      "dl",
      { class: "pairs" },
      pair("Products", world.products === null ? "–" : count(world.products)),
      pair("Model offset", world.model === null || world.model < 0 ? "–" : count(world.model)),
      pair("Behind", behind.length ? behind.map(([log, lag]) => `${log} ${count(lag)}`).join(", ") : "nothing"),
      pair("Pages that look", count(lookers)),
      pair("As of", clock(now * 1000)),
    ),
  );
}

function pagesCard(pages) {
  const number = (value) => (value === undefined ? "–" : count(value));
  const rows = pages.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, one.kind ?? "–"),
      h("td", { class: one.answers === false || one.ready === 0 ? "warned" : "" }, one.answers === null ? "…" : one.answers ? (one.ready === 0 ? "not ready" : "ready") : one.why),
      h("td", {}, number(one.source_lag)),
      h("td", {}, number(one.follower_lag)),
      h("td", {}, number(one.gateway_streams)),
      h("td", { class: "mono" }, one.url),
    ),
  );
  const found = card("Processes", "from their /metrics", table(["process", "state", "events behind", "logs behind", "streams", "page"], rows));
  found.classList.add("wide-card");
  return found;
}
