// Lines over time: axes, units, a crosshair by pointer and by arrow keys. Plain SVG.

import { h, render } from "./dom.js";
import { clock, NONE } from "./format.js";

const HEIGHT = 190;
const BOTTOM = 22;
const TOP = 8;
const CHARACTER = 6.4;
/** Steps between two times on the axis, in seconds. */
const TIME_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800];

/**
 * A chart. `series`: [{key, name, class}] of the points' numbers; `format(value)` writes one.
 * Put `chart.element` into a page, and call `show(points, seconds)` with what is known.
 */
export class LineChart {
  constructor({ title, series, format }) {
    Object.assign(this, { title, series, format, points: [], seconds: 300, at: null, width: 600 });
    this.element = document.createElement("figure");
    this.element.className = "chart";
    new ResizeObserver(([entry]) => this.resize(entry.contentRect.width)).observe(this.element);
  }

  show(points, seconds) {
    const from = (points.at(-1)?.at ?? 0) - seconds;
    this.points = points.filter((point) => point.at >= from);
    this.seconds = seconds;
    this.draw();
  }

  resize(width) {
    const next = Math.max(240, Math.round(width));
    if (next === this.width) return;
    this.width = next;
    this.draw();
  }

  draw() {
    const ticks = scale(Math.max(0, ...this.points.flatMap((point) => this.series.map((each) => point[each.key] ?? 0))));
    const labels = ticks.map((tick) => this.format(tick));
    const left = Math.max(...labels.map((label) => label.length)) * CHARACTER + 10;
    this.end = this.points.at(-1)?.at ?? Date.now() / 1000;
    this.x = (at) => left + ((at - this.end + this.seconds) / this.seconds) * (this.width - left - 6);
    this.y = (value) => TOP + (1 - value / ticks.at(-1)) * (HEIGHT - TOP - BOTTOM);
    this.left = left;
    const shown = this.at === null ? this.points.at(-1) : this.nearest(this.at);
    render(
      this.element,
      h("figcaption", null, h("b", null, this.title), this.legend(shown)),
      h(
        "svg",
        {
          viewBox: `0 0 ${this.width} ${HEIGHT}`,
          role: "img",
          tabindex: "0",
          "aria-label": this.words(shown),
          onpointermove: (event) => this.point(event),
          onpointerleave: () => this.move(null),
          onkeydown: (event) => this.step(event),
          onblur: () => this.move(null),
        },
        ticks.map((tick, row) => [
          h("line", { class: tick === 0 ? "axis" : "grid", x1: left, x2: this.width - 6, y1: this.y(tick), y2: this.y(tick) }),
          h("text", { x: left - 6, y: this.y(tick) + 4, "text-anchor": "end" }, labels[row]),
        ]),
        this.times().map((at) => h("text", { x: this.x(at), y: HEIGHT - 5, "text-anchor": "middle" }, clock(at))),
        this.series.map((each) => h("path", { class: `line ${each.class}`, d: this.path(each.key) })),
        this.at !== null && shown ? this.crosshair(shown) : null,
        this.points.length < 2 ? h("text", { class: "hint", x: this.width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "collecting …") : null,
      ),
    );
  }

  legend(shown) {
    return h(
      "span",
      { class: "legend" },
      this.series.map((each) =>
        h("span", null, h("i", { class: `key ${each.class}`, "aria-hidden": "true" }), `${each.name} `, h("b", null, this.value(shown, each))),
      ),
      h("span", { class: "when" }, this.at !== null && shown ? clock(shown.at) : "now"),
    );
  }

  crosshair(shown) {
    const x = this.x(shown.at);
    const marks = this.series.filter((each) => shown[each.key] !== null && shown[each.key] !== undefined);
    return [
      h("line", { class: "cross", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      marks.map((each) => h("circle", { class: each.class, cx: x, cy: this.y(shown[each.key]), r: 3.5 })),
    ];
  }

  value(shown, each) {
    const value = shown?.[each.key];
    return value === null || value === undefined ? NONE : this.format(value);
  }

  words(shown) {
    return `${this.title}: ${this.series.map((each) => `${each.name} ${this.value(shown, each)}`).join(", ")}`;
  }

  path(key) {
    let pen = "M";
    let path = "";
    for (const point of this.points) {
      const value = point[key];
      if (value === null || value === undefined) {
        pen = "M";
        continue;
      }
      path += `${pen}${this.x(point.at).toFixed(1)} ${this.y(value).toFixed(1)}`;
      pen = "L";
    }
    return path;
  }

  /** Times on the axis: as many as have room. */
  times() {
    const room = Math.max(2, Math.floor((this.width - this.left) / 90));
    const step = TIME_STEPS.find((each) => this.seconds / each <= room) ?? TIME_STEPS.at(-1);
    const times = [];
    for (let at = Math.floor(this.end / step) * step; at > this.end - this.seconds; at -= step) {
      const x = this.x(at);
      if (x > this.left + 24 && x < this.width - 28) times.push(at);
    }
    return times;
  }

  point(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.width;
    this.move(this.end - this.seconds + ((x - this.left) / (this.width - this.left - 6)) * this.seconds);
  }

  step(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || !this.points.length) return;
    event.preventDefault();
    const index = this.at === null ? this.points.length : this.points.indexOf(this.nearest(this.at));
    this.move(this.points[Math.min(this.points.length - 1, Math.max(0, index + way))].at);
  }

  move(at) {
    if (this.at === at) return;
    this.at = at;
    this.draw();
  }

  nearest(at) {
    return this.points.reduce((best, each) => (best && Math.abs(best.at - at) <= Math.abs(each.at - at) ? best : each), undefined);
  }
}

/** Round values from 0 to at least `top`, four or five of them. */
export function scale(top) {
  if (!(top > 0)) return [0, 1];
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) * power;
  const ticks = [];
  for (let index = 0; ticks.length === 0 || ticks.at(-1) < top; index += 1) ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}
