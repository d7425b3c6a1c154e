// Questions by state or by text; #/questions/ID is one of them.

import { query } from "../api.js";
import { h } from "../dom.js";
import { count, exact, figure, moment, since, span, whole, words } from "../format.js";
import { calm, meanwhile } from "../calm.js";
import { pager } from "../pager.js";
import { badge, choice, empty, STATES, table, turn } from "../parts.js";
import { address } from "../route.js";
import one from "./question.js";

const TYPING_MS = 250;

export default {
  title: (route) => (route.rest.length ? `Question ${route.rest[0]}` : "Questions"),

  view(route) {
    if (route.rest.length) return one.view(route);
    const { status, q, cursor } = route.query;
    return `/ui/api/questions${query({ status, q, cursor, limit: 50 })}`;
  },

  render(data, context) {
    if (context.route.rest.length) return one.render(data, context);
    const { status = "", q = "", cursor = "" } = context.route.query;
    const go = (changed) => context.go(address("questions", [], { status, q, ...changed }));
    const all = data.counts ? Object.values(data.counts).reduce((sum, each) => sum + each, 0) : undefined;
    const options = [{ name: "All", value: "", count: all }, ...STATES.map((name) => ({ name: words(name), value: name, count: data.counts?.[name] }))];
    const held = calm(context, data.questions, (row) => row.question_id);
    return [
      h("h1", null, "Questions"),
      h("div", { class: "filters" }, search(q, context, go), choice("State", options, status, (value) => go({ status: value })), cursor ? null : meanwhile(held, context)),
      list(held.rows, { status, q }, new Date()),
      searched(data, q, go),
      pager(context, data.cursor, (next) => go({ cursor: next })),
    ];
  },
};

function search(q, context, go) {
  return h(
    "label",
    { class: "search" },
    h("span", { class: "hidden" }, "Search in questions and answers, or by id"),
    h("input", {
      type: "search",
      value: q,
      maxlength: "1000",
      placeholder: "Search texts, or an id",
      oninput: (event) => {
        clearTimeout(context.state.typing);
        const text = event.target.value;
        context.state.typing = setTimeout(() => go({ q: text }), TYPING_MS);
      },
    }),
  );
}

function list(rows, { status, q }, now) {
  return table({
    caption: "Questions, newest first",
    class: "calm asked",
    rows,
    key: (row) => row.question_id,
    empty: nothing(status, q),
    columns: [
      { name: "State", class: "state", cell: (row) => badge(row.status) },
      { name: "Question", class: "text", cell: (row) => h("a", { href: address("questions", [row.question_id]), class: "clip" }, row.question_text.trim() || row.question_id) },
      { name: "Score", number: true, cell: scored },
      { name: "Turn", number: true, cell: turn },
      { name: "Cause", class: "cause", cell: (row) => (row.cause ? words(row.cause) : "") },
      { name: "Took", number: true, cell: (row) => (row.finished_at ? span(since(row.accepted_at, row.finished_at)) : "") },
      { name: "Accepted", number: true, cell: (row) => h("time", { datetime: row.accepted_at, title: exact(row.accepted_at) }, `${whole(since(row.accepted_at, now))} ago`) },
    ],
  });
}

function scored(row) {
  if (row.score === null) return figure(null);
  const by = row.metric ? (row.metric === "f1" ? "F1" : row.metric) : "F1";
  const gate = row.threshold === null ? "" : `, the gate asks for ${figure(row.threshold)}`;
  return h("span", { title: `${by}${gate}` }, figure(row.score));
}

function nothing(status, q) {
  if (q) return empty("Nothing was found.", status ? "Only questions of one state were looked at." : "Neither in texts nor as the beginning of an id.");
  if (status) return empty(`No question is ${words(status)}.`, "Choose another state above.");
  return empty("No question has been asked yet.", "Answer a file of questions, or ask one:", "answerloop run questions.csv --out results.csv", 'answerloop ask "What is the capital of Chile?" --reference "The capital of Chile is Santiago."');
}

function searched(data, q, go) {
  if (!q || !data.searched_to || data.questions.length >= 50) return null;
  return h(
    "p",
    { class: "soft" },
    `Searched from the newest down to ${moment(data.searched_to)}. `,
    h("button", { type: "button", onclick: () => go({ cursor: data.cursor }) }, "Search older ones"),
    h("span", { class: "hidden" }, count(data.questions.length)),
  );
}
