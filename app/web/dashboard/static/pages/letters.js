// Dead letters by cause; #/letters/TOPIC/PARTITION/OFFSET is one. Redriving shows its plan first.

import { act, query } from "../api.js";
import { askToken, confirm, tell } from "../dialog.js";
import { h } from "../dom.js";
import { count, exact, many, moment, NONE, since, whole, words } from "../format.js";
import { calm, meanwhile } from "../calm.js";
import { pager } from "../pager.js";
import { badge, choice, empty, facts, section, table } from "../parts.js";
import { address } from "../route.js";

const STATES = [
  { name: "Open", value: "open" },
  { name: "Redriven", value: "redriven" },
  { name: "All", value: "all" },
];
const BATCH = 200;

export default {
  title: (route) => (route.rest.length ? `Dead letter ${route.rest.join("/")}` : "Dead letters"),

  view(route) {
    if (route.rest.length) return `/dead-letters/${route.rest.map(encodeURIComponent).join("/")}`;
    const { cause, topic, state, cursor } = route.query;
    return `/dead-letters${query({ cause, topic, state, cursor, limit: 50, counts: cursor ? "" : "true" })}`;
  },

  render(data, context) {
    return context.route.rest.length ? one(data, context) : many_(data, context);
  },
};

function many_(data, context) {
  const { cause = "", topic = "", state = "open", cursor = "" } = context.route.query;
  const go = (changed) => context.go(address("letters", [], { cause, topic, state, ...changed }));
  if (data.counts) context.state.counts = data.counts;
  const counts = context.state.counts ?? [];
  const filter = { ...(cause ? { cause: [cause] } : {}), ...(topic ? { topic } : {}) };
  const open = counts.reduce((sum, each) => sum + (each.state === "open" ? each.letters : 0), 0);
  const held = calm(context, data.letters, (row) => row.origin);
  return [
    h("h1", null, "Dead letters"),
    h(
      "div",
      { class: "filters" },
      choice("State", STATES, state, (value) => go({ state: value })),
      cause || topic ? h("button", { type: "button", onclick: () => go({ cause: "", topic: "" }) }, `Show all, not only ${[words(cause), topic].filter(Boolean).join(" from ")}`) : null,
      cursor ? null : meanwhile(held, context),
    ),
    counts.length ? groups(counts, state, context) : null,
    section(
      "Letters, newest first",
      { aside: h("button", { type: "button", disabled: !open || state === "redriven", onclick: () => redrive({ filter }, context) }, cause || topic ? "Redrive these …" : "Redrive all …") },
      list(held.rows),
      pager(context, data.cursor, (next) => go({ cursor: next })),
    ),
  ];
}

function groups(counts, state, context) {
  return section(
    "By cause",
    null,
    table({
      caption: "Dead letters by cause and topic",
      sort: context,
      rows: counts.toSorted((one, other) => other.letters - one.letters),
      key: (row) => `${row.cause} ${row.topic} ${row.state}`,
      columns: [
        { name: "Cause", by: (row) => row.cause, cell: (row) => h("a", { href: address("letters", [], { cause: row.cause, topic: row.topic, state }) }, words(row.cause)) },
        { name: "From topic", class: "text", by: (row) => row.topic, cell: (row) => row.topic },
        { name: "State", by: (row) => row.state, cell: (row) => row.state },
        { name: "Letters", number: true, by: (row) => row.letters, cell: (row) => count(row.letters) },
      ],
    }),
  );
}

function list(rows) {
  return table({
    caption: "Dead letters, newest first",
    class: "calm",
    rows,
    key: (row) => row.origin,
    empty: empty("No dead letters.", "A message that can't go on comes here, with its cause and its bytes, and can be sent again. On the command line:", "answerloop dlq list"),
    columns: [
      { name: "Cause", class: "state", cell: (row) => h("a", { href: link(row) }, words(row.cause)) },
      { name: "Detail", class: "text", cell: (row) => h("span", { class: "clip" }, row.detail) },
      { name: "Origin", class: "text", cell: (row) => h("span", { class: "clip", title: row.origin }, row.origin) },
      { name: "Attempts", number: true, cell: (row) => count(row.attempts) },
      { name: "State", class: "state", cell: (row) => row.state },
      { name: "Died", number: true, cell: (row) => h("time", { datetime: row.dead_at, title: exact(row.dead_at) }, `${whole(since(row.dead_at, new Date()))} ago`) },
    ],
  });
}

const link = (row) => address("letters", [row.topic, row.partition, row.offset]);

function one(letter, context) {
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/letters" }, "Dead letters"), " / ", h("code", null, letter.origin)),
    h("h1", null, words(letter.cause)),
    h(
      "div",
      { class: "summary" },
      badge(letter.state === "open" ? "dead" : "validated", letter.state),
      facts([
        ["Detail", letter.detail],
        ["From", h("a", { href: address("topics", [letter.topic, letter.partition, letter.offset]) }, `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`)],
        ["Question", letter.question_id ? h("a", { href: address("questions", [letter.question_id]) }, letter.question_id) : NONE],
        ["First seen", exact(letter.first_seen_at)],
        ["Died", exact(letter.dead_at)],
        ["Attempts", count(letter.attempts)],
        letter.redriven_at ? ["Redriven", `${moment(letter.redriven_at)}, redrive ${letter.redrive_id}`] : null,
      ]),
    ),
    letter.state === "open" ? h("p", { class: "act-below" }, h("button", { type: "button", class: "primary", onclick: () => redrive({ letters: [{ origin: letter.origin }] }, context) }, "Redrive …")) : null,
    section("Message", { aside: h("span", { class: "soft" }, letter.bytes === null ? "no value" : many(letter.bytes, "byte")) }, letter.key_base64 ? h("p", { class: "soft" }, "Key: ", h("code", null, decoded(letter.key_base64))) : null, payload(letter.value_base64)),
  ];
}

const payload = (base64) => (base64 === null || base64 === undefined ? h("p", { class: "soft" }, "It has no value.") : h("pre", { class: "payload", tabindex: "0", "aria-label": "Value" }, decoded(base64)));

/** Bytes as text; JSON is laid out, what is no UTF-8 stays as hexadecimal digits. */
export function decoded(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function redrive(wanted, context) {
  try {
    const plan = await act("/dead-letters/redrive", { ...wanted, by: "dashboard", dry_run: true }, askToken);
    const sure = await confirm("Redrive", planned(plan), `Redrive ${count(plan.planned)}`, plan.planned > 0);
    if (!sure) return;
    await tell("Redriven", outcome(await send(wanted, plan)));
  } catch (error) {
    await tell("That did not work", h("p", null, error.message));
  }
  context.refresh();
}

async function send(wanted, plan) {
  const sum = { sent: 0, arrived: 0, refused: 0, failed: 0 };
  let next = {};
  do {
    const filter = wanted.filter && { filter: { ...wanted.filter, until: plan.until }, limit: BATCH };
    const done = await act("/dead-letters/redrive", { ...wanted, ...filter, ...next, by: "dashboard", planned: plan.planned, dry_run: false }, askToken);
    for (const name of Object.keys(sum)) sum[name] += done[name];
    next = { redrive_id: done.redrive_id, cursor: done.cursor };
  } while (next.cursor);
  return sum;
}

function planned(plan) {
  const causes = Object.entries(plan.by_cause).map(([cause, number]) => `${words(cause)} ${count(number)}`);
  return [
    facts([
      ["Looked at", `${many(plan.examined, "letter")}${plan.more ? ", there are more" : ""}`],
      ["Would be sent", `${count(plan.planned)}: ${count(plan.as_question)} as questions, ${count(plan.as_bytes)} as they were`],
      causes.length ? ["Of these causes", causes.join(", ")] : null,
      ["Refused", count(plan.refused)],
    ]),
    plan.refusals.length ? h("ul", null, plan.refusals.map((each) => h("li", null, `${count(each.letters)}: ${each.meaning}`))) : null,
  ];
}

const outcome = (sum) => facts([["Sent", count(sum.sent)], ["Had arrived before", count(sum.arrived)], ["Refused", count(sum.refused)], ["Failed", count(sum.failed)]]);
