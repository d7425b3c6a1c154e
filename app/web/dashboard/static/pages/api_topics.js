// The topics as AsyncAPI describes them: what lies on each, who sends and who receives it.

import { h } from "../dom.js";
import { bytes, count, many, span, visible } from "../format.js";
import { choice, empty, facts, section, table } from "../parts.js";
import { address } from "../route.js";
import { kind, lookUp, nameOf, paragraphs, prose, shape, shown } from "./api_schema.js";

/** What stages do with a channel: [{stage, kind, action, about, group}]. */
const doings = (data, name) =>
  Object.values(data.operations)
    .filter((each) => nameOf(each.channel.$ref) === name)
    .map((each) => ({
      stage: each.tags[0].name,
      kind: each.tags[1].name,
      action: each.action,
      about: each.summary,
      group: each.bindings?.kafka.groupId.enum[0] ?? null,
    }));

const stages = (all, action) => all.filter((each) => each.action === action && each.stage !== "redrive").map((each) => each.stage).join(", ");
const kept = (channel) => span(channel.bindings.kafka.topicConfiguration["retention.ms"] / 1000);
const recordOf = (channel) => Object.keys(channel.messages)[0];

export function channels(data, context) {
  const wanted = (context.state.find ?? "").trim().toLowerCase();
  const rows = Object.entries(data.channels)
    .map(([name, channel]) => ({ name, channel, does: doings(data, name) }))
    .filter(({ channel, does }) => [channel.address, channel.summary, recordOf(channel), ...does.map((each) => each.stage)].join(" ").toLowerCase().includes(wanted));
  return h(
    "section",
    { "aria-label": "Topics" },
    table({
      caption: "Topics",
      rows,
      key: (row) => row.name,
      empty: empty("Nothing was found.", "No topic, record or stage holds this text."),
      columns: [
        { name: "Topic", class: "route", cell: (row) => [h("a", { href: address("api", ["topics", row.name]) }, row.channel.address), h("small", null, row.channel.summary)] },
        { name: "Record", cell: (row) => h("code", null, recordOf(row.channel)) },
        { name: "Partitions", number: true, cell: (row) => count(row.channel.bindings.kafka.partitions) },
        { name: "Kept", number: true, cell: (row) => kept(row.channel) },
        { name: "Sent by", class: "text", cell: (row) => stages(row.does, "send") || "other programs" },
        { name: "Received by", class: "text", cell: (row) => stages(row.does, "receive") || "other programs" },
      ],
    }),
  );
}

/** The page of a topic, or null when it is not described. */
export function channelPage(data, name, context) {
  const channel = data.channels[name];
  if (!channel) return null;
  const message = lookUp(data, channel.messages[recordOf(channel)].$ref);
  const { kafka } = channel.bindings;
  const key = message.bindings.kafka.key;
  return [
    h("p", { class: "crumbs" }, h("a", { href: address("api", ["topics"]) }, "API: topics"), " / ", h("code", null, name)),
    h("h1", null, channel.address),
    h(
      "div",
      { class: "summary" },
      h("div", null, h("p", null, h("b", null, channel.summary)), h("p", { class: "below" }, h("a", { href: address("topics", [channel.address]) }, "Its messages"))),
      facts([
        ["Record", h("code", null, message.name)],
        ["Partitions", count(kafka.partitions)],
        ["Copies", count(kafka.replicas)],
        ["Key", [prose(key.description), h("small", null, h("code", null, kind(key)))]],
        ["Headers", prose(message.headers.description)],
        ...Object.entries(kafka.topicConfiguration).map(([option, value]) => [option, setting(option, value)]),
      ]),
    ),
    section("Who sends and receives", null, does(data, name)),
    section("Message", null, paragraphs(message.summary), paragraphs(message.description), shape(data, bare(lookUp(data, message.payload.$ref)), context, recordOf(channel))),
    examples(message, context),
  ];
}

/** The words of the record stand above its fields already. */
const bare = ({ description, ...schema }) => schema;

function setting(option, value) {
  if (option === "retention.ms") return `${value} (${span(value / 1000)})`;
  return option === "max.message.bytes" ? `${value} (${bytes(value)})` : [value].flat().join(", ");
}

function does(data, name) {
  return table({
    caption: "Who sends and receives",
    rows: doings(data, name),
    key: (row) => `${row.action} ${row.stage}`,
    columns: [
      { name: "Stage", class: "name", cell: (row) => h("code", null, row.stage) },
      { name: "Does", class: "state", cell: (row) => `${row.action}s` },
      { name: "Is", class: "state", cell: (row) => row.kind },
      { name: "Group", class: "state", cell: (row) => (row.group ? h("code", null, row.group) : "") },
      { name: "What it is for", class: "text", cell: (row) => row.about },
    ],
  });
}

function examples(message, context) {
  const names = message.examples.map((each) => each.name);
  const chosen = names.includes(context.state.example) ? context.state.example : names[0];
  const choose = (value) => {
    context.state.example = value;
    context.draw();
  };
  const found = message.examples.find((each) => each.name === chosen);
  return section(
    names.length > 1 ? `${many(names.length, "example")}` : "Example",
    { aside: names.length > 1 ? choice("Example", names.map((each) => ({ name: visible(each), value: each })), chosen, choose) : null },
    shown(`Example: ${chosen}`, found.payload),
  );
}
