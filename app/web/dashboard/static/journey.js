// A question's way through the topics: read when it is asked for, for it takes a while.

import { read } from "./api.js";
import { h } from "./dom.js";
import { count, moment, span, words } from "./format.js";
import { section, table } from "./parts.js";

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
      { name: "After", number: true, cell: (row) => h("time", { datetime: row.at, title: moment(row.at) }, span(row.since_start_seconds)) },
      { name: "Where", class: "text", cell: (row) => (row.offset === null ? row.topic : `${row.topic}/${row.partition}/${row.offset}`) },
      { name: "What", class: "text", cell: (row) => row.what },
      { name: "Turn", number: true, cell: (row) => (row.generation === null ? "" : `${row.generation}.${row.attempt}`) },
      { name: "Wait asked", number: true, cell: (row) => (row.wait_asked_seconds === null ? "" : span(row.wait_asked_seconds)) },
      { name: "Waited", number: true, cell: (row) => (row.waited_seconds ? span(row.waited_seconds) : "") },
      { name: "Cause", cell: (row) => (row.cause ? words(row.cause) : "") },
    ],
  });
}
