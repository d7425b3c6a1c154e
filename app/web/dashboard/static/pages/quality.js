// What answers were worth: scores beside the threshold, pass shares, reasons, pairs, the gate.

import { query } from "../api.js";
import { h } from "../dom.js";
import { count, figure, many, moment, share, since, whole, words } from "../format.js";
import { histogram } from "../histogram.js";
import { pairs } from "../pairs.js";
import { badge, choice, empty, facts, named, section, table, tile } from "../parts.js";
import { address } from "../route.js";
import { band, passed } from "../shares.js";

const RANGES = [
  { name: "Last hour", value: "hour" },
  { name: "Last day", value: "day" },
  { name: "All", value: "all" },
];
const METRICS = { f1: "F1", recall: "recall", precision: "precision" };

export default {
  every: 5,
  view: (route) => `/ui/api/quality${query({ range: ranged(route) })}`,

  render(data, context) {
    const chosen = ranged(context.route);
    const head = [
      h("h1", null, "Quality"),
      warnings(data),
      h("div", { class: "filters" }, choice("Questions accepted within", RANGES, chosen, (value) => context.go(address("quality", [], { ...context.route.query, range: value }))), h("span", { class: "soft" }, covers(data))),
    ];
    if (!data.judged.judged) return [head, nothing(data, chosen), gate(data)];
    return [
      head,
      tiles(data),
      scores(data),
      h("div", { class: "columns" }, generations(data), languages(data)),
      h("div", { class: "columns" }, rejections(data), gate(data)),
      pairs(data.pairs, METRICS[data.scores.metric], context),
    ];
  },
};

const ranged = (route) => (RANGES.some((each) => each.value === route.query.range) ? route.query.range : "day");

function warnings(data) {
  const found = data.check?.findings ?? [];
  return [
    data.trouble ? h("div", { class: "alert warn", role: "status" }, h("b", null, "! "), `These figures are from before: ${data.trouble}.`) : null,
    found.length ? h("div", { class: "alert warn", role: "status" }, found.map((each) => h("p", null, h("b", null, "! The gate is not to be trusted: "), each, ".")), data.check.mend ? h("p", null, sentence(data.check.mend)) : null) : null,
  ];
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function covers({ covers: found, read_at: at, at: now }) {
  if (!found.questions) return "";
  const what = found.complete ? many(found.questions, "question") : `the newest ${many(found.questions, "question")}, older ones are left out`;
  return `${what}, since ${moment(found.oldest_at)}; read ${whole(since(at, now))} ago`;
}

function nothing(data, range) {
  const ended = data.by_status.unscored ? `${many(data.by_status.unscored, "question")} had no reference answer to be compared with. ` : "";
  if (range !== "all" && !data.covers.questions) return empty("No question was accepted in this time.", "Choose a longer one above, or answer the sample questions:", "answerloop run app/samples/questions.jsonl --out results.csv");
  return empty("No answer has been judged.", `${ended}Answers are scored beside a reference:`, "answerloop run app/samples/questions.jsonl --out results.csv", 'answerloop ask "What is the capital of Chile?" --reference "The capital of Chile is Santiago."');
}

function tiles({ judged, by_status: by, scores: found }) {
  const [low, high] = judged.interval.map((end) => Math.round(100 * end));
  const state = (name, note) => tile(h("a", { href: address("questions", [], { status: name }) }, badge(name)), count(by[name] ?? 0), note, { figure: name });
  return h(
    "dl",
    { class: "tiles" },
    tile("Judged", count(judged.judged), "against a reference", { figure: "judged" }),
    tile("Pass share", passed(judged), low === high ? "" : `95\u202f%: ${low} to ${high}\u202f%`, { figure: "pass_share" }),
    tile(`Mean ${METRICS[found.metric]}`, figure(judged.mean_score), "of kept answers", { figure: "mean_score" }),
    state("low_quality", share(by.low_quality ?? 0, judged.judged)),
    state("unscored", "no reference"),
    state("dead", "no answer"),
  );
}

function scores(data) {
  const { gate: inForce, scores: found, judgements } = data;
  const sum = (name) => found.columns.reduce((all, each) => all + each[name], 0);
  const others = judgements.filter((each) => each.metric !== inForce.metric || Math.abs(each.threshold - inForce.threshold) > 1e-9 || (inForce.scorer && each.scorer !== inForce.scorer));
  const legend = (name, text) => h("span", null, h("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, h("rect", { class: name, width: 10, height: 10 })), `${text} `, h("b", null, count(sum(name))));
  return section(
    "Scores",
    { aside: h("span", { class: "soft" }, `passes: ${METRICS[inForce.metric]} ≥ ${figure(inForce.threshold)} (${inForce.source})`) },
    h("p", { class: "legend" }, legend("validated", "passed"), legend("low_quality", "low quality")),
    histogram(found, inForce.threshold),
    h("p", { class: "soft below" }, `Kept answers by ${METRICS[found.metric]}, columns of ${found.width}.`, inForce.guards.length ? " A guard may reject an answer whose score would pass." : ""),
    others.length ? h("p", { class: "soft" }, "Judged otherwise: ", others.map((each) => judgement(each)).join("; "), ". Scores of different scorers do not compare.") : null,
  );
}

const judgement = (each) => `${many(each.questions, "question")} by ${METRICS[each.metric] ?? "a score"} ≥ ${figure(each.threshold)} with ${each.scorer ?? "a scorer that is not known"}`;

function generations(data) {
  return section(
    "By generation",
    { aside: h("span", { class: "soft" }, "answers") },
    table({
      caption: "Answers by generation",
      rows: data.generations,
      key: (row) => String(row.generation),
      empty: h("p", { class: "soft" }, "The ledger has no verdict of these questions."),
      columns: [
        { name: "Generation", class: "name", cell: (row) => named("Generation", row.generation) },
        { name: "Judged", number: true, cell: (row) => count(row.judged) },
        { name: "Passed", number: true, cell: passed },
        { name: "", class: "bandcell", cell: (row) => band(row) },
        { name: "Mean", number: true, cell: (row) => figure(row.mean_score) },
        { name: "So far", number: true, cell: (row) => (row.passed_so_far === null ? "" : share(row.passed_so_far, 1)) },
      ],
    }),
    h("p", { class: "soft below" }, "A weak answer is asked again. So far: questions with an answer that passed, up to this generation."),
  );
}

function rejections(data) {
  return section(
    "Why answers were rejected",
    { aside: h("span", { class: "soft" }, "and how their questions ended") },
    table({
      caption: "Rejected answers by reason",
      rows: data.rejections,
      key: (row) => row.guard ?? "",
      empty: h("p", { class: "soft" }, "No answer was rejected."),
      columns: [
        { name: "Reason", class: "name", cell: (row) => (row.guard === null ? "low score" : `guard: ${words(row.guard)}`) },
        { name: "Answers", number: true, cell: (row) => count(row.answers) },
        { name: "Mean", number: true, cell: (row) => figure(row.mean_score) },
        { name: "Passed later", number: true, cell: (row) => passed(row.ended) },
        { name: "", class: "bandcell", cell: (row) => band(row.ended) },
      ],
    }),
  );
}

function languages(data) {
  const { sampled, groups } = data.languages;
  const all = sampled >= data.judged.judged;
  return section(
    "By language",
    { aside: h("span", { class: "soft" }, all ? `all ${count(sampled)} judged` : `a sample: ${count(sampled)} of ${count(data.judged.judged)}`) },
    table({
      caption: "Pass share by language",
      rows: groups,
      key: (row) => row.language,
      columns: [
        { name: "Language (guessed)", class: "name", cell: (row) => row.language },
        { name: "Questions", number: true, cell: (row) => count(row.judged) },
        { name: "Passed", number: true, cell: passed },
        { name: "", class: "bandcell", cell: (row) => band(row, data.judged.pass_share) },
        { name: "Mean", number: true, cell: (row) => figure(row.mean_score) },
      ],
    }),
    h("p", { class: "soft below" }, "Bands: 95 % intervals. The upright line is the pass share of all."),
  );
}

const LANGUAGES = { en: "English", es: "Spanish" };

function gate(data) {
  const { gate: inForce, check, check_trouble: trouble } = data;
  const of = (rate) => (rate ? `${rate.passed} of ${rate.count} (${share(rate.passed, rate.count)})` : null);
  const verdict = check && (check.findings.length ? badge("fail", "found wanting") : badge("pass", "found fit"));
  return section(
    "The gate",
    { aside: verdict || h("span", { class: "soft" }, "not checked yet") },
    facts([
      ["In force", `${METRICS[inForce.metric]} ≥ ${figure(inForce.threshold)} (${inForce.source})`],
      ["Scorer", check?.scorer ?? inForce.scorer],
      check?.good ? ["Good answers pass", h("span", { "data-figure": "good" }, of(check.good))] : null,
      check?.random ? ["Random ones pass", h("span", { "data-figure": "random" }, of(check.random))] : null,
      ...(check?.by_language ?? []).map((each) => [LANGUAGES[each.language] ?? each.language, `good ${of(each.good)}, random ${of(each.random)}`]),
      ["Guards", inForce.guards.length ? inForce.guards.map(words).join(", ") : "none"],
    ]),
    trouble ? h("p", { class: "bad below" }, trouble) : null,
    h("p", { class: "soft below" }, check ? "Known pairs, scored when the worker started. " : "A worker scores known pairs when it starts, and keeps what they pass. ", "Again, or on answers of your own: ", h("code", null, "answerloop gate check"), ", ", h("code", null, "answerloop gate calibrate FILE"), "."),
  );
}
