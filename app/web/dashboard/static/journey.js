// A question's way through the topics: read when it is asked for, for it takes a while.

import { read } from "./api.js";
import { h } from "./dom.js";
import { count, exact, figure, span, words } from "./format.js";
import { section, table, turn } from "./parts.js";
import { address } from "./route.js";

/** A section that reads the journey of a question by a button. */
export function journey(question, context) {
  const { state } = context;
  const load = async () => {
    state.journey = { reading: true };
    context.draw();
    try {
      state.journey = await read(`/ui/api/questions/${encodeURIComponent(question.question_id)}/journey`);
    } catch (error) {
      state.journey = { error };
    }
    context.draw();
  };
  const found = state.journey;
  const button = h("button", { type: "button", disabled: Boolean(found?.reading), onclick: load }, found?.hops ? "Read again" : "Read the topics");
  return section("Through the topics", { aside: button }, shown(found));
}

function shown(found) {
  if (!found) return h("p", { class: "soft" }, "Every record of this question, with its partition and offset.");
  if (found.reading) return h("p", { class: "soft", role: "status" }, "Reading …");
  if (found.error) return h("p", { class: "bad", role: "alert" }, found.error.message);
  return [
    hops(found.hops),
    h("p", { class: "soft below" }, `${count(found.searched)} records were looked at.`, found.missing.map((each) => ` Not asked: ${each}.`)),
  ];
}

function hops(rows) {
  return table({
    caption: "Hops of this question",
    rows,
    columns: [
      { name: "After", number: true, cell: (row) => h("time", { datetime: row.at, title: exact(row.at) }, span(row.since_start_seconds)) },
      { name: "Where", class: "text", cell: where },
      { name: "What", class: "text", cell: (row) => [row.what, row.stage ? h("small", null, `by ${row.stage}`) : null] },
      { name: "Turn", number: true, cell: (row) => (row.generation === null ? "" : turn(row)) },
      { name: "Wait asked", number: true, cell: (row) => (row.wait_asked_seconds === null ? "" : span(row.wait_asked_seconds)) },
      { name: "Waited", number: true, cell: (row) => (row.waited_seconds ? span(row.waited_seconds) : "") },
      { name: "F1", number: true, cell: (row) => (row.f1 === null ? "" : figure(row.f1)) },
      { name: "Tokens", number: true, cell: (row) => (row.tokens === null ? "" : count(row.tokens)) },
      { name: "Cause", class: "text", cell: cause },
    ],
  });
}

function where(row) {
  if (row.offset === null) return row.topic;
  return h("a", { href: address("topics", [row.topic, row.partition, row.offset]) }, `${row.topic}/${row.partition}/${row.offset}`);
}

const cause = (row) => [row.cause ? words(row.cause) : "", row.detail ? h("small", { class: "clip", title: row.detail }, row.detail) : null];
