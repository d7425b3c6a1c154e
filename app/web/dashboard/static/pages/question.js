// One question: what became of it, every attempt, and all answers side by side.

import { h } from "../dom.js";
import { count, exact, figure, moment, NONE, since, span, words } from "../format.js";
import { badge, facts, section } from "../parts.js";
import { journey } from "../journey.js";
import { address } from "../route.js";

const FINAL = ["validated", "low_quality", "unscored", "dead"];

export default {
  view: (route) => `/ui/api/questions/${encodeURIComponent(route.rest[0])}`,

  render(data, context) {
    const { question } = data;
    const calls = question.attempts.map((attempt, index) => ({ ...data.calls[index], ...attempt }));
    return [
      h("p", { class: "crumbs" }, h("a", { href: "#/questions" }, "Questions"), " / ", h("code", null, question.question_id)),
      h("h1", { class: "question" }, question.question_text),
      summary(question, data, context),
      answers(question, calls),
      section("What happened", null, h("ol", { class: "timeline" }, timeline(question, calls, data.letters))),
      journey(question, context),
      Object.keys(question.metadata).length ? section("Metadata", null, h("pre", null, JSON.stringify(question.metadata, null, 2))) : null,
    ];
  },
};

function summary(question, data) {
  const took = question.finished_at ? span(since(question.accepted_at, question.finished_at)) : null;
  const scored = question.f1 !== null && question.f1 !== undefined;
  return h(
    "div",
    { class: "summary" },
    badge(question.status),
    facts([
      ["Accepted", exact(question.accepted_at)],
      ["Finished", question.finished_at ? `${moment(question.finished_at)}, after ${took}` : NONE],
      ["Generations", generations(question, data)],
      ["Calls", count(data.calls.reduce((sum, call) => sum + call.claims, 0))],
      ["Model", question.model],
      scored ? ["P, R, F1", `${figure(question.precision)}, ${figure(question.recall)}, ${figure(question.f1)}`] : null,
      question.threshold !== null ? ["Gate", `${question.metric ?? "score"} ≥ ${figure(question.threshold)}${question.gate ? ` (${question.gate})` : ""}`] : null,
      question.cause ? ["Cause", words(question.cause)] : null,
      question.due_at ? ["Retry is due", exact(question.due_at)] : null,
    ]),
  );
}

function generations(question, data) {
  const round = question.round ?? 0;
  const asked = Math.max(question.generation, ...data.calls.filter((call) => call.round === round).map((call) => call.generation));
  const kept = asked > question.generation && FINAL.includes(question.status) ? `, the answer of ${question.generation} is kept` : "";
  return `${asked} of at most ${data.max_generations}${kept}${round ? `, round ${round}` : ""}`;
}

function answers(question, calls) {
  const given = calls.filter((call) => call.answer !== undefined);
  const kept = given.findLast((call) => call.generation === question.generation && call.answer === question.answer);
  return section(
    "Answers",
    null,
    h(
      "div",
      { class: "answers", tabindex: "0", role: "region", "aria-label": "Reference and answers side by side" },
      h(
        "article",
        { key: "reference" },
        h("h3", null, "Reference"),
        question.original_answer === null ? h("p", { class: "soft" }, "None was given: answers are not scored.") : h("p", { class: "said" }, question.original_answer),
      ),
      given.map((call) =>
        h(
          "article",
          { key: name(call), class: call === kept ? "kept" : null },
          h("h3", null, name(call), call === kept ? ", kept " : " ", call.verdict ? badge(call.verdict, words(call.verdict === "pass" ? "passed" : call.verdict === "fail" ? "failed" : call.verdict)) : badge("judging", "not judged yet")),
          call.f1 !== undefined ? scores(call) : null,
          h("p", { class: "said" }, call.answer || "(empty)"),
          call.why ? h("p", { class: "soft" }, call.why) : null,
        ),
      ),
      given.length ? null : h("article", { key: "none" }, h("h3", null, "No answer"), h("p", { class: "soft" }, FINAL.includes(question.status) ? "No call was answered." : "No call has been answered yet.")),
    ),
  );
}

const name = (call) => `${call.round ? `Round ${call.round}, ` : ""}${call.round ? "g" : "G"}eneration ${call.generation}, attempt ${call.attempt}`;

function scores(call) {
  const bar = (label, value) =>
    h(
      "div",
      { class: call.metric === label.toLowerCase() ? "decides" : null },
      h("dt", null, label),
      h("dd", null, figure(value), meter(value, call.metric === label.toLowerCase() ? call.threshold : null)),
    );
  return h("dl", { class: "scores" }, bar("Precision", call.precision), bar("Recall", call.recall), bar("F1", call.f1));
}

function meter(value, threshold) {
  const at = (share) => 100 * Math.min(1, Math.max(0, share));
  return h(
    "svg",
    { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { class: "track", width: 100, height: 6 }),
    h("rect", { class: "fill", width: at(value), height: 6 }),
    threshold === null || threshold === undefined ? null : h("rect", { class: "threshold", x: at(threshold) - 0.5, width: 1, height: 6 }),
  );
}

function timeline(question, calls, letters) {
  const entries = [{ at: question.accepted_at, mark: "accepted", title: "Accepted", lines: [] }];
  for (const call of calls) entries.push(attempt(call));
  for (const letter of letters) {
    entries.push({
      at: letter.dead_at,
      mark: "dead",
      title: `Dead letter: ${words(letter.cause)}`,
      lines: [letter.detail, h("a", { href: address("letters", [letter.topic, letter.partition, letter.offset]) }, `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`), letter.redriven_at ? `redriven ${moment(letter.redriven_at)}` : null],
    });
  }
  if (question.due_at) entries.push({ at: question.due_at, mark: "waiting", title: "Waits for its retry", lines: [`due ${moment(question.due_at)}, after ${words(question.cause ?? "a failure")}`] });
  if (question.finished_at) entries.push({ at: question.finished_at, mark: question.status, title: `Ended: ${words(question.status)}`, lines: [question.why] });
  entries.sort((one, other) => new Date(one.at) - new Date(other.at));
  return entries.map((entry, index) =>
    h(
      "li",
      { class: entry.mark },
      h("time", { datetime: entry.at, title: exact(entry.at) }, index ? `+${span(since(question.accepted_at, entry.at))}` : moment(entry.at)),
      h("div", null, h("b", null, entry.title), entry.lines.filter(Boolean).map((line) => h("p", null, line))),
    ),
  );
}

function attempt(call) {
  const waited = call.waited_seconds > 0 ? `waited ${span(call.waited_seconds)} before it` : null;
  const asked = call.retry_after_seconds !== null ? `the server asked for a wait of ${span(call.retry_after_seconds)}` : null;
  const tokens = call.tokens === null && call.prompt_tokens === null ? null : `tokens: ${count(call.prompt_tokens)} read, ${count(call.tokens)} written`;
  const starts = call.claims > 1 ? `started ${call.claims} times: a worker ended in the middle` : null;
  const stopped = call.finish_reason && call.finish_reason !== "stop" ? `ended by ${words(call.finish_reason)}` : null;
  const figures = [call.model, call.seconds === null ? "not ended yet" : `took ${span(call.seconds)}`, tokens, stopped].filter(Boolean).join(" · ");
  const failure = [call.http_status ? `HTTP ${call.http_status}` : null, call.detail].filter(Boolean).join(": ");
  const outcome = call.cause ? words(call.cause) : call.answer !== undefined ? (call.verdict === "pass" ? "passed" : call.verdict === "fail" ? "failed the gate" : "answered") : "asking";
  const mark = call.cause ? "failed" : call.verdict === "pass" ? "validated" : call.verdict === "fail" ? "low_quality" : "asking";
  return { at: call.started_at, mark, title: `${name(call)}: ${outcome}`, lines: [figures, call.why, failure, [waited, asked].filter(Boolean).join(" · "), starts] };
}
