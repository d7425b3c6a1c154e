// Columns of counts, with a scale and a text for each.

import { h } from "./dom.js";
import { scale } from "./chart.js";
import { count, many } from "./format.js";

const WIDTH = 960;
const HEIGHT = 170;
const LEFT = 44;
const BOTTOM = 24;
const TOP = 10;

/** `columns`: [{value, name}] of `unit`; `tick(column)` is the text below every fourth one. */
export function bars({ title, columns, tick, unit = "question" }) {
  const ticks = scale(Math.max(...columns.map((each) => each.value))).filter(Number.isInteger);
  const step = (WIDTH - LEFT) / columns.length;
  const y = (value) => TOP + (1 - value / (ticks.at(-1) || 1)) * (HEIGHT - TOP - BOTTOM);
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
          h("rect", { x: LEFT + index * step + 2, y: y(each.value), width: step - 4, height: HEIGHT - BOTTOM - y(each.value) }),
          index % 4 === 0 ? h("text", { x: LEFT + index * step, y: HEIGHT - 6, "text-anchor": index ? "middle" : "start" }, tick(each)) : null,
        ),
      ),
    ),
  );
}
