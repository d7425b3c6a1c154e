// A share with what is known of its precision, and the length of a part.

import { h } from "./dom.js";
import { NONE, share } from "./format.js";

/** A pass share as text: "83 %"; `found`: {judged, passed}. */
export const passed = (found) => (found.judged ? share(found.passed, found.judged) : NONE);

/** Its interval of 95 % as a band with the share in it; `beside` (a share) is an upright line. */
export function band(found, beside = null) {
  if (!found.interval) return h("span", { class: "soft" }, NONE);
  const [low, high] = found.interval.map((end) => 100 * end);
  const words = `${passed(found)}, with 95 % certainty ${Math.round(low)} to ${Math.round(high)}\u202f%`;
  return h(
    "svg",
    { class: "band", viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": words },
    h("title", null, words),
    h("rect", { class: "track", y: 4, width: 100, height: 4 }),
    h("rect", { class: "range", x: low, y: 3, width: Math.max(0.8, high - low), height: 6 }),
    h("rect", { class: "point", x: Math.min(98.6, 100 * found.pass_share - 0.7), width: 1.4, height: 12 }),
    beside === null ? null : h("rect", { class: "threshold", x: Math.min(99.4, 100 * beside), width: 0.6, height: 12 }),
  );
}

/** A part of the largest one, as a bar. The figure stands beside it as text. */
export function length(value, most, kind = "fill") {
  return h(
    "svg",
    { class: "band", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { class: "track", y: 2, width: 100, height: 8 }),
    h("rect", { class: kind, y: 2, width: most ? (100 * value) / most : 0, height: 8 }),
  );
}
