// Plots as SVG.

import { drawing, s } from "/console/assets/dom.js";
import { ceiling, count, duration, percent, rate } from "/console/assets/numbers.js";

/** Give the width to draw in: text keeps its size on a phone. */
export const width = () => Math.max(300, Math.min(640, window.innerWidth - 52));

/** Average a series over steps of so many values: a second alone jumps. */
function smoothed(values, step) {
  const found = [];
  for (let end = values.length; end >= step; end -= step) {
    found.unshift(values.slice(end - step, end).reduce((sum, one) => sum + one, 0) / step);
  }
  return found;
}

/**
 * Draw rates over the last minutes: layers stacked upon each other, and a line of their own scale's total.
 * `layers` is [[name, values by second]], the greatest first.
 */
export function rates(layers, { seconds, label, height = 190 }) {
  const step = 3;
  const smooth = layers.map(([name, values]) => [name, smoothed(values, step)]);
  const length = smooth[0]?.[1].length ?? 0;
  const totals = Array.from({ length }, (_, at) => smooth.reduce((sum, [, values]) => sum + values[at], 0));
  const top = ceiling(Math.max(1, ...totals));
  const [WIDTH, left, right, foot] = [width(), 38, 8, 22];
  const x = (at) => left + ((WIDTH - left - right) * at) / Math.max(1, length - 1);
  const y = (value) => 8 + (height - foot - 8) * (1 - value / top);
  const grid = [0, 0.5, 1].map((share) => [
    s("line", { class: share ? "grid" : "axis", x1: left, x2: WIDTH - right, y1: y(top * share), y2: y(top * share) }),
    s("text", { x: left - 6, y: y(top * share) + 4, "text-anchor": "end" }, rate(top * share).replace(".0", "")),
  ]);
  const minutes = Math.round(seconds / 60);
  const ticks = Array.from({ length: minutes + 1 }, (_, minute) => {
    const place = left + ((WIDTH - left - right) * minute) / minutes;
    const anchor = minute === 0 ? "start" : minute === minutes ? "end" : "middle";
    if (WIDTH < 480 && minute > 0 && minute < minutes) return null;
    const text = minute === minutes ? "now" : `−${minutes - minute} min`;
    return s("text", { x: place, y: height - 6, "text-anchor": anchor }, text);
  });
  const base = new Array(length).fill(0);
  const areas = smooth.map(([name, values], layer) => {
    const lower = base.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).reverse();
    values.forEach((value, at) => (base[at] += value));
    const upper = base.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const shade = layers.length === 1 ? 0.22 : 0.75 - (0.6 * layer) / Math.max(1, layers.length - 1);
    const points = [...upper, ...lower].join(" ");
    return s("polygon", { class: "area", points, "fill-opacity": shade.toFixed(2) }, s("title", {}, name));
  });
  const edge = base.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return drawing(WIDTH, height, label, grid, areas, s("polyline", { class: "line", points: edge }), ticks);
}

/** Draw a histogram of durations with its median and 99th percentile. */
export function histogram(spread, label, height = 190) {
  const { bounds_ms: bounds, bars } = spread;
  const used = trimmed(bars);
  const [WIDTH, left, right, foot, head] = [width(), 6, 6, 22, 16];
  const most = Math.max(1, ...bars);
  const step = (WIDTH - left - right) / (used.to - used.from);
  const parts = [s("line", { class: "axis", x1: left, x2: WIDTH - right, y1: height - foot, y2: height - foot })];
  for (let at = used.from; at < used.to; at += 1) {
    const tall = ((height - foot - head) * bars[at]) / most;
    const [x, y] = [left + step * (at - used.from), height - foot - tall];
    const edge = at < bounds.length ? `≤ ${duration(bounds[at])}` : `> ${duration(bounds.at(-1))}`;
    const hint = s("title", {}, `${edge}: ${count(bars[at])}`);
    parts.push(s("rect", { class: "bar", x: x + 2, y, width: Math.max(1, step - 4), height: tall, rx: 2 }, hint));
    if (step > 50 || (used.to - 1 - at) % 2 === 0) parts.push(s("text", { x: x + step / 2, y: height - 6, "text-anchor": "middle" }, edge));
    if (bars[at]) {
      const share = percent(bars[at] / spread.count);
      parts.push(s("text", { class: "strong", x: x + step / 2, y: y - 4, "text-anchor": "middle" }, share));
    }
  }
  return drawing(WIDTH, height, label, parts);
}

/** Leave out empty bars at both ends, but keep seven. */
function trimmed(bars) {
  let [from, to] = [bars.findIndex(Boolean), bars.findLastIndex(Boolean) + 1];
  if (from < 0) return { from: 1, to: 8 };
  from = Math.max(0, from - 1);
  to = Math.min(bars.length, Math.max(to + 1, from + 7));
  return { from: Math.max(0, Math.min(from, to - 7)), to };
}

/** Draw a small line without axes. */
export function spark(values, label) {
  const smooth = smoothed(values, 5);
  const top = Math.max(1e-9, ...smooth);
  const points = smooth.map((value, at) => `${(120 * at) / Math.max(1, smooth.length - 1)},${26 - (24 * value) / top}`);
  return s(
    "svg",
    { class: "spark", viewBox: "0 0 120 28", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("polygon", { class: "area", points: `0,28 ${points.join(" ")} 120,28`, "fill-opacity": 0.14 }),
    s("polyline", { class: "line", points: points.join(" "), "vector-effect": "non-scaling-stroke" }),
  );
}
