// Columns of counts, with a scale and a text for each.

import { h } from "./dom.js";
import { scale } from "./chart.js";
import { count, many } from "./format.js";

const WIDTH = 960;
const HEIGHT = 170;
const MOST_WIDTH = 64;
const LEFT = 44;
const BOTTOM = 24;
const TOP = 10;

/**
 * `columns`: [{value, name, kind?, label?}] of `unit`. `tick(column)` is the text below every fourth one; a
 * column with a `label` has that, and does not count.
 */
export function bars({ title, columns, tick, unit = "question" }) {
  const ticks = scale(Math.max(...columns.map((each) => each.value))).filter(Number.isInteger);
  const step = Math.min(MOST_WIDTH, (WIDTH - LEFT) / columns.length);
  const y = (value) => TOP + (1 - value / (ticks.at(-1) || 1)) * (HEIGHT - TOP - BOTTOM);
  const labelled = columns.filter((each) => each.label).length;
  const told = columns.filter((each) => each.value).map((each) => `${each.name}: ${count(each.value)}`);
  return h(
    "figure",
    { class: "bars scroll", tabindex: "0", role: "region", "aria-label": title },
    h(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${told.join("; ") || "None."}` },
      ticks.map((value) => [
        h("line", { class: value ? "grid" : "axis", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
        h("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, count(value)),
      ]),
      columns.map((each, index) =>
        h(
          "g",
          { class: "bar" },
          h("title", null, `${each.name}: ${many(each.value, unit)}`),
          h("rect", { class: "reach", x: LEFT + index * step, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM }),
          h("rect", { class: each.kind, x: LEFT + index * step + 2, y: y(each.value), width: step - 4, height: HEIGHT - BOTTOM - y(each.value) }),
          below(each, index - labelled, LEFT + index * step, step, tick),
        ),
      ),
    ),
  );
}

/** The text below a column: in its middle its own, or at its beginning every fourth time. */
function below(column, place, x, step, tick) {
  if (column.label) return h("text", { x: x + step / 2, y: HEIGHT - 6, "text-anchor": "middle" }, column.label);
  return place % 4 === 0 ? h("text", { x, y: HEIGHT - 6, "text-anchor": place ? "middle" : "start" }, tick(column)) : null;
}
