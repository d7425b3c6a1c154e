// Question, reference and answer side by side.

import { h } from "./dom.js";
import { figure } from "./format.js";
import { badge, choice, section } from "./parts.js";
import { address } from "./route.js";

const PAIRS = [
  { name: "Worst", value: "worst" },
  { name: "Nearest to the threshold", value: "nearest" },
  { name: "Best", value: "best" },
];

/** A section of judged pairs: `found` has `worst`, `nearest` and `best`, scored by `metric`. */
export function pairs(found, metric, { state, draw }) {
  const shown = state.pairs ?? "worst";
  const choose = (value) => {
    state.pairs = value;
    draw();
  };
  return section("Pairs", { class: "pairs", aside: choice("Pairs shown", PAIRS, shown, choose) }, found[shown].map((pair) => one(pair, metric)));
}

function one(pair, metric) {
  const text = (name, value, none) => h("div", null, h("dt", null, name), h("dd", { class: "said" }, value.trim() ? value : h("span", { class: "soft" }, none)));
  return h(
    "div",
    { key: pair.question_id, class: "pair" },
    h(
      "p",
      { class: "verdict" },
      badge(pair.status),
      h("b", null, `${metric} ${figure(pair.score)}`),
      h("span", { class: "soft" }, `generation ${pair.generation}`),
      h("a", { href: address("questions", [pair.question_id]) }, "Open the question"),
    ),
    h("dl", { class: "texts" }, text("Question", pair.question_text, "(blank)"), text("Reference", pair.original_answer, "(none)"), text("Answer", pair.answer, "(empty)")),
    pair.why ? h("p", { class: "soft why" }, pair.why) : null,
  );
}
