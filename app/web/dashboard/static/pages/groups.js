// Consumer groups: what is late by topic and partition, and what waits by design.

import { h } from "../dom.js";
import { count, exact, many, moment, NONE, since, whole, words } from "../format.js";
import { choice, empty, section, table, tile } from "../parts.js";
import { address } from "../route.js";
import { due } from "./overview.js";
import { ago } from "./topics.js";

const SHOWN = [
  { name: "Topics", value: "topics" },
  { name: "Partitions", value: "partitions" },
];

export default {
  every: 3,
  view: () => "/ui/api/groups",

  render(data, context) {
    const trouble = data.trouble ? h("div", { class: "alert bad", role: "alert" }, `The broker could not be read: ${data.trouble}. What you see is of ${moment(data.read_at)}.`) : null;
    if (!data.groups.length) return [h("h1", null, "Groups"), trouble, empty("No group has read anything yet.", "The workers of a pipeline are one consumer group, which exists once one of them has acknowledged a message:", "answerloop worker", "answerloop groups list")];
    return [
      h("h1", null, "Groups"),
      trouble,
      data.groups.map((each) => group(each, data, context)),
      data.waiting?.questions ? waits(data) : null,
      data.waiting_problem ? h("p", { class: "bad below" }, `What waits by design is not known: ${data.waiting_problem}`) : null,
      h("p", { class: "soft below" }, "Beside the pipelines’ own groups are those that read on the embedded log, or on Kafka those whose name begins with APP_ID. answerloop groups list has all."),
      h("p", { class: "soft below" }, "Late is every message that is not acknowledged yet: what is in hand at the moment, and what lies before it. A retry that waits is acknowledged, so it is no lag before it is due."),
    ];
  },
};

function group(found, data, context) {
  const { state, draw } = context;
  const shown = state[found.group] ?? "topics";
  const choose = (value) => {
    state[found.group] = value;
    draw();
  };
  const waiting = found.pipeline === "questions" ? data.waiting : null;
  return section(
    found.group,
    { key: found.group, aside: h("div", { class: "filters" }, h("span", { class: "soft" }, `${words(found.state).toLowerCase()}, ${many(found.members, "member")}`), choice("Lag shown by", SHOWN, shown, choose)) },
    h(
      "dl",
      { class: "tiles" },
      tile("Late", count(found.late), found.late ? "not acknowledged yet" : "all is acknowledged", { figure: "late" }),
      tile("Oldest of them", found.oldest_at ? whole(since(found.oldest_at, data.at)) : NONE, found.oldest_at ? moment(found.oldest_at) : ""),
      waiting ? tile("Waits by design", count(waiting.by_design), "retries not due yet", { figure: "by-design" }) : null,
      waiting ? tile("Due, not called yet", count(waiting.due), "late, too", { figure: "due" }) : null,
    ),
    h("div", { class: "below" }, shown === "topics" ? topics(found, data, context) : partitions(found, data, context)),
  );
}

/** What is late stands out by weight, too. */
const late = (value) => (value ? h("b", null, count(value)) : count(value));

const topicLink = (name, query) => h("a", { href: address("topics", [name], query) }, name);

function topics(found, data, context) {
  return table({
    sort: context,
    caption: `Lag of ${found.group} by topic`,
    rows: found.topics,
    key: (row) => row.topic,
    columns: [
      { name: "Topic", by: (row) => row.topic, cell: (row) => topicLink(row.topic) },
      { name: "Late", number: true, by: (row) => row.late, cell: (row) => late(row.late) },
      { name: "Oldest", number: true, by: (row) => since(row.oldest_at, data.at, null), cell: (row) => ago(row.oldest_at, data.at) },
      { name: "Partitions behind", number: true, cell: (row) => `${count(row.partitions.filter((each) => each.lag).length)} of ${count(row.partitions.length)}` },
    ],
  });
}

function partitions(found, data, context) {
  const rows = found.topics.flatMap((topic) => topic.partitions.map((each) => ({ topic: topic.topic, ...each })));
  return table({
    sort: context,
    caption: `Lag of ${found.group} by partition`,
    rows,
    key: (row) => `${row.topic}/${row.partition}`,
    columns: [
      { name: "Topic", by: (row) => row.topic, cell: (row) => topicLink(row.topic, { partition: row.partition }) },
      { name: "Partition", number: true, by: (row) => row.partition, cell: (row) => count(row.partition) },
      { name: "Committed", number: true, by: (row) => row.current_offset, cell: (row) => count(row.current_offset) },
      { name: "End", number: true, by: (row) => row.log_end_offset, cell: (row) => count(row.log_end_offset) },
      { name: "Late", number: true, by: (row) => row.lag, cell: (row) => (row.lag ? topicOffset(row) : count(row.lag)) },
      { name: "Oldest", number: true, by: (row) => since(row.oldest_at, data.at, null), cell: (row) => ago(row.oldest_at, data.at) },
      { name: "Member", class: "text", cell: (row) => (row.client_id ? h("span", { class: "clip", title: row.consumer_id }, `${row.client_id}${row.host === "-" ? "" : ` at ${row.host}`}`) : h("span", { class: "soft" }, "none")) },
    ],
  });
}

/** The first message that is not acknowledged is where the lag begins. */
const topicOffset = (row) => h("a", { href: address("topics", [row.topic], { partition: row.partition, offset: row.current_offset }) }, count(row.lag));

function waits(data) {
  return section(
    "Waiting for a retry",
    { aside: h("a", { href: "#/retries" }, "Retries") },
    table({
      caption: "Retries that wait, by cause",
      rows: data.waiting.by_cause,
      key: (row) => row.cause,
      columns: [
        { name: "Cause", cell: (row) => h("a", { href: address("retries", [], { cause: row.cause }) }, words(row.cause)) },
        { name: "Questions", number: true, cell: (row) => count(row.questions) },
        { name: "Next is due", number: true, cell: (row) => h("time", { datetime: row.next_due_at, title: exact(row.next_due_at) }, due(row.next_due_at, data.at)) },
      ],
    }),
  );
}
