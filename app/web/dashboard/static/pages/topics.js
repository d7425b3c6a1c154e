// Topics: all of them; #/topics/NAME is one, #/topics/NAME/PARTITION/OFFSET one message.

import { h } from "../dom.js";
import { bytes, count, exact, moment, NONE, since, span, whole } from "../format.js";
import { badge, empty, table } from "../parts.js";
import { address } from "../route.js";
import message from "./message.js";
import topic from "./topic.js";

const part = (route) => (route.rest.length > 1 ? message : route.rest.length ? topic : null);

export default {
  every: 4,
  title: (route) => (route.rest.length ? route.rest.join("/") : "Topics"),
  still: (route) => route.rest.length > 1,
  view: (route) => part(route)?.view(route) ?? "/ui/api/topics",

  render(data, context) {
    const one = part(context.route);
    return one ? one.render(data, context) : list(data, context);
  },
};

function list(data, context) {
  const heading = h("h1", null, "Topics");
  const trouble = data.trouble ? h("div", { class: "alert bad", role: "alert" }, `The broker could not be read: ${data.trouble}. What you see is of ${moment(data.read_at)}.`) : null;
  if (!data.topics.some((row) => row.there)) {
    return [heading, trouble, empty("No topic is on the broker yet.", "A worker makes them when it starts. Without one:", "answerloop topics create")];
  }
  return [
    heading,
    trouble,
    table({
      sort: context,
      caption: "Topics of the pipelines",
      rows: data.topics,
      key: (row) => row.topic,
      columns: [
        { name: "Topic", class: "name", by: (row) => row.topic, cell: (row) => [row.there ? h("a", { href: address("topics", [row.topic]) }, row.topic) : row.topic, h("small", null, row.about)] },
        { name: "Messages", number: true, by: (row) => row.messages, cell: messages },
        { name: "Bytes", number: true, by: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
        { name: "Partitions", number: true, by: (row) => row.partitions, cell: (row) => count(row.partitions) },
        { name: "Kept for", number: true, cell: (row) => (row.there ? retention(row) : NONE) },
        { name: "Newest", number: true, by: (row) => row.newest_at && Date.parse(row.newest_at), cell: (row) => ago(row.newest_at, data.at) },
        { name: "Differences", class: "differs", by: (row) => row.differences.join("; ") || null, cell: differences },
      ],
    }),
    h("p", { class: "soft below" }, "Messages of a compacted topic, a table's changelog, are no more than said. Other topics of the broker are read by ", h("code", null, "answerloop topics"), "."),
  ];
}

export const messages = (row) => (row.compacted && row.messages ? `≤ ${count(row.messages)}` : count(row.messages));

export const retention = (row) => (row.compacted ? "compacted" : row.retention_seconds === null ? "for ever" : span(row.retention_seconds));

/** "5 s ago"; the exact time is behind it. */
export function ago(at, now) {
  if (!at) return NONE;
  return h("time", { datetime: at, title: exact(at) }, `${whole(since(at, now))} ago`);
}

function differences(row) {
  if (!row.differences.length) return null;
  if (!row.there) return [badge("low_quality", "not there"), h("small", null, "answerloop topics create makes it")];
  return [badge("low_quality", "differs"), h("small", null, row.differences.join("; "))];
}
