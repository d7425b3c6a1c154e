// Scores by column, what passed below what did not, with the threshold.

import { h } from "./dom.js";
import { scale } from "./chart.js";
import { count, many } from "./format.js";

const WIDE = { width: 960, height: 210, every: 1 };
const NARROW = { width: 330, height: 190, every: 2 };
const LEFT = 40;
const RIGHT = 14;
const TOP = 22;
const BOTTOM = 22;

/**
 * `scores`: {metric, width, columns: [{from, validated, low_quality}]}. Drawn twice, for wide and
 * for narrow windows: the style shows one.
 */
export function histogram(scores, threshold) {
  const { columns, width } = scores;
  const first = columns.findIndex((each) => each.validated + each.low_quality);
  const low = Math.min(Math.floor(first * width * 10) / 10, Math.floor(threshold * 10) / 10, 0.8);
  const shown = columns.filter((each) => each.from >= low - 1e-9);
  const least = Math.max(...shown.map((each) => each.validated + each.low_quality));
  const chart = { shown, width, low, threshold, metric: scores.metric, ticks: scale(least).filter(Number.isInteger) };
  const words = `Scores by ${scores.metric}, threshold ${threshold}. ${shown.filter((each) => each.validated + each.low_quality).map((each) => name(each, width)).join("; ")}`;
  return h("figure", { class: "histogram" }, draw(chart, WIDE, "wide", words), draw(chart, NARROW, "narrow", words));
}

const name = (each, width) => `${each.from.toFixed(2)} to ${(each.from + width).toFixed(2)}: ${count(each.validated)} passed, ${count(each.low_quality)} did not`;

function draw(chart, size, shape, words) {
  const { shown, width, low, threshold, ticks } = chart;
  const bottom = size.height - BOTTOM;
  const x = (score) => LEFT + ((score - low) / (1 - low)) * (size.width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / (ticks.at(-1) || 1)) * (bottom - TOP);
  const step = x(low + width) - x(low);
  const gap = Math.min(2, step / 5);
  const tenths = Array.from({ length: Math.round((1 - low) * 10) + 1 }, (_, n) => low + n / 10);
  const side = x(threshold) > size.width * 0.7 ? { at: -6, anchor: "end" } : { at: 6, anchor: "start" };
  return h(
    "svg",
    { class: shape, viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": words },
    ticks.map((value) => [
      h("line", { class: value ? "grid" : "axis", x1: LEFT, x2: size.width - RIGHT, y1: y(value), y2: y(value) }),
      h("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, compact(value)),
    ]),
    tenths.map((at, n) => (n % size.every ? null : h("text", { x: x(at), y: size.height - 5, "text-anchor": "middle" }, at.toFixed(1)))),
    shown.map((each) => {
      const all = each.validated + each.low_quality;
      const part = (value, from, kind) => (value ? h("rect", { class: kind, x: x(each.from) + gap / 2, width: step - gap, y: y(from + value), height: Math.max(0.7, y(from) - y(from + value)) }) : null);
      return h(
        "g",
        { key: String(each.from), class: "column" },
        h("title", null, `${each.from.toFixed(2)} to ${(each.from + width).toFixed(2)}: ${many(all, "question")}, ${count(each.validated)} passed`),
        h("rect", { class: "reach", x: x(each.from), width: step, y: TOP, height: bottom - TOP }),
        part(each.validated, 0, "validated"),
        part(each.low_quality, each.validated, "low_quality"),
      );
    }),
    h("line", { class: "gate", x1: x(threshold), x2: x(threshold), y1: 6, y2: bottom }),
    h("text", { class: "strong", x: x(threshold) + side.at, y: 14, "text-anchor": side.anchor }, `threshold ${Number(threshold.toFixed(3))}`),
  );
}

const compact = (value) => (value >= 1_000_000 ? `${value / 1_000_000}M` : value >= 10_000 ? `${value / 1000}k` : count(value));
