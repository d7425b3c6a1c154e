// All questions of the database, and what this worker is doing. Made of the live state.

import { LineChart } from "../chart.js";
import { h } from "../dom.js";
import { count, figure, many, share, since, span, whole, words } from "../format.js";
import { badge, choice, empty, facts, section, stack, STATES, table, tile } from "../parts.js";
import { address } from "../route.js";

const RANGES = [
  { name: "1 min", value: 60 },
  { name: "5 min", value: 300 },
  { name: "15 min", value: 900 },
];

const throughput = new LineChart({
  title: "Throughput, per second",
  format: (value) => (value >= 100 ? count(Math.round(value)) : String(Number(value.toFixed(value < 10 ? 1 : 0)))),
  series: [
    { key: "ended_per_second", name: "questions ended", class: "one" },
    { key: "answered_per_second", name: "calls answered", class: "two" },
    { key: "failed_per_second", name: "calls failed", class: "three" },
  ],
});
const latency = new LineChart({
  title: "Calls answered in the last minute",
  format: span,
  series: [
    { key: "p50_seconds", name: "median", class: "two" },
    { key: "p95_seconds", name: "p95", class: "one" },
  ],
});

export default {
  view: () => null,

  render(state, { live, state: mine, draw }) {
    const seconds = mine.seconds ?? (live.points.length < 60 ? 60 : 300);
    throughput.show(live.points, seconds);
    latency.show(live.points, seconds);
    const choose = (value) => {
      mine.seconds = value;
      draw();
    };
    return [
      h("h1", null, "Overview"),
      verdict(state),
      state.questions ? questions(state.questions) : absent(state),
      state.model && section(
        "This worker",
        { class: "charts", aside: choice("Time shown", RANGES, seconds, choose) },
        h("div", { class: "columns" }, chart(throughput), chart(latency)),
      ),
      h("div", { class: "columns" }, state.questions && waiting(state), state.model && model(state.model)),
    ];
  },
};

const chart = (made) => h("div", { key: made.title, opaque: true, ref: (node) => node.append(made.element) });

function verdict(state) {
  const { findings, questions } = state;
  if (!findings.length) {
    const going = questions?.in_progress ? `${many(questions.in_progress, "question")} in progress.` : "Nothing is in progress.";
    return h("div", { class: "alert good", role: "status" }, h("b", null, "✓ All is well. "), questions ? going : "");
  }
  const bad = findings.some((each) => each.level === "bad");
  return h(
    "div",
    { class: `alert ${bad ? "bad" : "warn"}`, role: "status" },
    findings.map((each) => h("p", null, h("b", null, each.level === "bad" ? "✕ " : "! "), each.text)),
    h("p", { class: "more" }, h("a", { href: "#/system" }, "Dependencies and stages"), questions?.waiting.length ? [" · ", h("a", { href: "#/retries" }, "What waits")] : null),
  );
}

function absent(state) {
  return state.pipelines.includes("questions")
    ? empty("The questions can't be shown.", "The database has not answered since this worker started.")
    : empty("This worker runs no question pipeline.", "Ask one whose ANSWERLOOP_PIPELINES names questions.");
}

function questions(found) {
  const by = found.by_status;
  if (!found.accepted) {
    return empty("No question has been asked yet.", "Answer the sample questions, or ask one:", "answerloop run app/samples/questions.jsonl --out results.csv", 'answerloop ask "What is the capital of Chile?"');
  }
  const going = ["accepted", "asking", "waiting", "judging"].filter((name) => by[name]).map((name) => `${count(by[name])} ${name}`);
  const parts = STATES.map((name) => ({ name, value: by[name], class: name }));
  return section(
    "Questions",
    { aside: h("span", { class: "soft" }, `all workers, counted ${whole(since(found.counted_at, new Date()))} ago`) },
    h(
      "dl",
      { class: "tiles" },
      tile("Accepted", count(found.accepted), "in all", { figure: "accepted" }),
      tile("In progress", count(found.in_progress), going.join(" · ") || "none", { figure: "in_progress" }),
      ["validated", "low_quality", "unscored", "dead"].map((name) =>
        tile(h("a", { href: address("questions", [], { status: name }) }, badge(name)), count(by[name]), share(by[name], found.accepted), { figure: name }),
      ),
    ),
    stack(parts),
    h("p", { class: "soft" }, found.oldest_at ? `The oldest in progress came ${span(found.oldest_seconds)} ago.` : "None is in progress."),
  );
}

function waiting(state) {
  const rows = state.questions.waiting;
  return section(
    "Waiting for a retry",
    { aside: rows.length ? h("a", { href: "#/retries" }, "Retries") : null },
    table({
      caption: "Waiting questions by cause",
      rows,
      key: (row) => row.cause,
      empty: h("p", { class: "soft" }, "Nothing waits."),
      columns: [
        { name: "Cause", cell: (row) => h("a", { href: address("retries", [], { cause: row.cause }) }, words(row.cause)) },
        { name: "Questions", number: true, cell: (row) => count(row.questions) },
        { name: "Next is due", number: true, cell: (row) => due(row.next_due_at, state.at) },
      ],
    }),
  );
}

/** What is known may be some seconds old: only what is due for longer is late. */
export function due(at, now) {
  const left = (new Date(at) - new Date(now)) / 1000;
  return left >= 0.5 ? `in ${whole(left)}` : left > -5 ? "now" : `${whole(-left)} late`;
}

const BREAKER = { closed: "closed: calls go through", half_open: "half-open: one call probes the server", open: "open: calls wait" };

function model(found) {
  const failed = Object.entries(found.by_outcome).filter(([name]) => name !== "answered");
  const causes = failed.length ? failed.map(([name, number]) => `${words(name)} ${count(number)}`).join(", ") : "none";
  return section(
    "Model",
    { aside: h("span", { class: "soft" }, "this worker, since it started") },
    facts([
      ["Model", found.model ? `${found.model} (${found.where})` : null],
      ["Calls in flight", `${found.in_flight} of ${found.limit} (ceiling ${found.ceiling})`],
      ["In line", count(found.in_line)],
      ["Breaker", h("span", { class: found.breaker === "closed" ? null : "bad" }, BREAKER[found.breaker])],
      found.pause_seconds > 0 ? ["Rate limit", `no call starts for ${span(found.pause_seconds)}`] : null,
      ["p95 of a call", h("span", null, span(found.p95_seconds), h("span", { class: "soft" }, found.recent_calls ? ` of ${many(found.recent_calls, "call")} answered in the last minute` : " none was answered in the last minute"))],
      ["Calls", `${count(found.calls)}; failed: ${causes}`],
      ["Retries, regenerations", `${count(found.retries)}, ${count(found.regenerations)}`],
      ["Tokens read, written", `${count(found.tokens.prompt ?? 0)}, ${count(found.tokens.answer ?? 0)}`],
      found.calls ? ["Tokens for each call", figure((found.tokens.answer ?? 0) / found.calls, 1)] : null,
    ]),
  );
}
