// What waits: when, for what; and ending waits now.

import { act, query } from "../api.js";
import { confirm, askToken, tell } from "../dialog.js";
import { h } from "../dom.js";
import { count, exact, many, moment, span, words } from "../format.js";
import { calm } from "../calm.js";
import { pager } from "../pager.js";
import { choice, empty, section, table, tile, turn } from "../parts.js";
import { address } from "../route.js";
import { bars } from "../bars.js";
import { due } from "./overview.js";

const BATCH = 500;

export default {
  view: (route) => `/ui/api/retries${query({ cause: route.query.cause, cursor: route.query.cursor, limit: 50 })}`,

  render(data, context) {
    const { cause = "" } = context.route.query;
    const go = (changed) => context.go(address("retries", [], { cause, ...changed }));
    if (!data.waiting && !data.questions.length) {
      return [h("h1", null, "Retries"), empty("Nothing waits.", "A call that fails by an overload or a rate limit waits here until it is made again. See how that looks with a model server that fails on demand:", "answerloop fake-llm --port 11435 --scenario flaky")];
    }
    const chosen = data.by_cause.find((each) => each.cause === cause);
    const meant = cause ? (chosen?.questions ?? 0) : data.waiting;
    return [
      h("h1", null, "Retries"),
      tiles(data),
      h("div", { class: "filters" }, choice("Cause", causes(data), cause, (value) => go({ cause: value }))),
      section("Due times", { aside: h("span", { class: "soft" }, `columns of ${span(data.due.width_seconds)}`) }, histogram(data)),
      section(
        "Soonest first",
        { aside: h("button", { type: "button", disabled: !meant, onclick: () => releaseAll(cause, meant, context) }, `Retry ${cause ? "these" : "all"} now …`) },
        list(data, context),
        pager(context, data.cursor, (next) => go({ cursor: next })),
      ),
    ];
  },
};

function tiles(data) {
  const next = data.by_cause.map((each) => each.next_due_at).sort()[0];
  return h(
    "dl",
    { class: "tiles" },
    tile("Waiting", count(data.waiting), "in all", { figure: "waiting" }),
    tile("Next is due", next ? due(next, data.at) : "–", next ? moment(next) : ""),
    tile("Late", count(data.due.late), "due already, not released yet"),
  );
}

const causes = (data) => [{ name: "All", value: "", count: data.waiting }, ...data.by_cause.map((each) => ({ name: words(each.cause), value: each.cause, count: each.questions }))];

function histogram(data) {
  const width = data.due.width_seconds;
  const columns = data.due.columns.map((value, index) => ({ value, from: index * width, name: `in ${span(index * width)} to ${span((index + 1) * width)}` }));
  const late = { value: data.due.late, kind: "late", label: "late", name: "due already, not released yet" };
  return [
    bars({ title: "Waiting questions by the time to their retry", columns: data.due.late ? [late, ...columns] : columns, tick: (column) => (column.from ? `+${span(column.from)}` : "now") }),
    data.due.later ? h("p", { class: "soft" }, `${many(data.due.later, "question")} later than that.`) : null,
  ];
}

/** Whether a row that is still shown waits no more: it is missing where it would be listed. */
function gone(row, data, waiting) {
  const last = data.questions.at(-1);
  return !waiting.has(row.question_id) && (!data.cursor || !last || row.due_at <= last.due_at);
}

function list(data, context) {
  const { rows } = calm(context, data.questions, (row) => row.question_id);
  const waiting = new Set(data.questions.map((row) => row.question_id));
  return table({
    class: "calm asked",
    caption: "Waiting questions, soonest first",
    rows,
    key: (row) => row.question_id,
    empty: h("p", { class: "soft" }, "Nothing waits for this cause."),
    columns: [
      { name: "Due", number: true, class: "due", cell: (row) => h("time", { datetime: row.due_at, title: exact(row.due_at) }, gone(row, data, waiting) ? "no longer" : due(row.due_at, data.at)) },
      { name: "Question", class: "text", cell: (row) => h("a", { class: "clip", href: address("questions", [row.question_id]) }, row.question_text.trim() || row.question_id) },
      { name: "Cause", class: "cause", cell: (row) => words(row.cause ?? "") },
      { name: "Turn", number: true, cell: turn },
      { name: "", class: "act", cell: (row) => h("button", { type: "button", disabled: gone(row, data, waiting), "aria-label": `Retry now: ${row.question_text.slice(0, 60)}`, onclick: () => releaseOne(row, context) }, "Retry now") },
    ],
  });
}

async function releaseOne(row, context) {
  await done(context, () => act("/retries/release", { question_ids: [row.question_id], dry_run: false }, askToken));
}

async function releaseAll(cause, meant, context) {
  const what = cause ? `all that wait for ${words(cause)}` : "all that wait";
  const sure = await confirm(
    "Retry now",
    [h("p", null, `${many(meant, "question")}: ${what}. Their calls join the line to the model, where limit and breaker apply.`), h("p", { class: "soft" }, "A server that asked for a wait may refuse them again, and each refusal counts as a retry.")],
    `Retry ${count(meant)} now`,
  );
  if (!sure) return;
  await done(context, async () => {
    let released = 0;
    let cursor = null;
    do {
      const found = await act("/retries/release", { filter: cause ? { cause } : {}, limit: BATCH, dry_run: false, ...(cursor ? { cursor } : {}) }, askToken);
      released += found.released;
      cursor = found.cursor;
    } while (cursor);
    return { released };
  });
}

async function done(context, work) {
  try {
    const found = await work();
    context.state.released = found.released;
    if (!found.released) await tell("Retry now", h("p", null, "It does not wait any more."));
  } catch (error) {
    await tell("That did not work", h("p", null, error.message));
  }
  context.refresh();
}
