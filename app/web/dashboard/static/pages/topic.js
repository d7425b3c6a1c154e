// One topic: its messages from any place, a search through them, and its partitions.

import { h } from "../dom.js";
import { bytes, count, many, moment, offset, visible } from "../format.js";
import { beyond, Look } from "../look.js";
import { badge, empty, facts, section, table } from "../parts.js";
import { address } from "../route.js";
import { form, lookAt } from "../topic_form.js";
import { ago, messages, retention } from "./topics.js";

const NAMES = ["before", "after", "from_time", "partition", "offset", "key", "filter", "bad"];

export default {
  view: (route) => `/ui/api/topics/${encodeURIComponent(route.rest[0])}`,

  render(data, context) {
    const found = look(context);
    return [
      h("p", { class: "crumbs" }, h("a", { href: "#/topics" }, "Topics"), " / ", h("code", null, data.topic)),
      h("h1", null, data.topic),
      data.differences.length ? h("div", { class: "alert warn" }, `It is not as the table of topics wants it: ${data.differences.join("; ")}.`) : null,
      summary(data),
      section("Messages", { aside: newest(data, found, context) }, form(data, context), progress(found, context), list(found, data), pager(data, found, context)),
      partitions(data, context),
    ];
  },
};

/** The look that the address asks for: begun anew whenever the address changes. */
function look(context) {
  const { state, route } = context;
  const wanted = Object.fromEntries(NAMES.filter((name) => route.query[name]).map((name) => [name, route.query[name]]));
  const key = JSON.stringify(wanted);
  if (state.key !== key) {
    state.look?.stop();
    state.key = key;
    const mine = new Look(route.rest[0], wanted, () => {
      if (context.state !== state) mine.stop();
      else if (state.look === mine) context.draw();
    });
    state.look = mine;
  }
  return state.look;
}

function summary(data) {
  return h(
    "div",
    { class: "summary" },
    h("p", null, data.about),
    facts([
      ["Record", data.record],
      ["Messages", messages(data)],
      ["Bytes", bytes(data.bytes)],
      ["Kept for", retention(data)],
      ["Partitions", count(data.partitions.length)],
      ["Newest", ago(data.partitions.map((each) => each.newest_at).filter(Boolean).sort().at(-1), data.at)],
    ]),
  );
}

function newest(data, found, context) {
  const wanted = ["before", "after", "from_time", "offset"].some((name) => found.wanted[name]);
  const more = wanted || found.high === undefined ? 0 : beyond(found.high, data.partitions);
  const again = () => lookAt(address("topics", context.route.rest, { ...found.wanted, before: "", after: "", from_time: "", offset: "" }), context);
  return h("button", { type: "button", disabled: !wanted && !more, onclick: again }, wanted ? "Newest" : more ? `Show ${count(more)} newer` : "No newer ones");
}

function progress(found, context) {
  const { reading, searching, looked, total, left } = found;
  if (found.error) return h("p", { class: "bad", role: "alert" }, found.error.message);
  if (!searching) return reading && !found.messages.length ? h("p", { class: "soft", role: "status" }, "Reading …") : null;
  const stop = () => {
    found.stop();
    context.draw();
  };
  const end = !left ? "all were looked at" : found.messages.length >= 50 ? "enough for a page" : "stopped";
  return h(
    "div",
    { class: "searching" },
    h("progress", { value: looked, max: String(Math.max(1, total ?? 1)), "aria-label": "Messages looked at" }),
    h("p", { class: "soft", role: "status" }, `${count(found.messages.length)} found, ${count(looked)} of ${total === null ? "…" : count(total)} looked at${reading ? "" : `: ${end}`}`),
    reading ? h("button", { type: "button", onclick: stop }, "Stop") : left && found.messages.length < 50 ? h("button", { type: "button", onclick: () => found.go() }, "Go on") : null,
  );
}

function list(found, data) {
  if (found.low === undefined) return null;
  return table({
    caption: "Messages, newest first",
    rows: found.messages,
    key: (row) => `${row.partition}/${row.offset}`,
    empty: found.reading ? h("p", { class: "soft" }, "None yet.") : nothing(found),
    columns: [
      { name: `Time, ${offset(data.at)}`, class: "state", cell: (row) => h("a", { href: address("topics", [found.topic, row.partition, row.offset]) }, h("time", { datetime: row.at }, `${moment(row.at)}.${row.at.slice(20, 23)}`)) },
      { name: "Place", class: "state", cell: (row) => h("span", { title: `partition ${row.partition}, offset ${row.offset}` }, `${row.partition}/${row.offset}`) },
      { name: "Key", class: "key-text", cell: key },
      { name: "Value", class: "text", cell: value },
      { name: "Headers", number: true, cell: (row) => (row.headers ? count(row.headers) : "") },
      { name: "Size", number: true, cell: (row) => (row.bytes === null ? "" : bytes(row.bytes)) },
    ],
  });
}

function key(row) {
  if (row.key === null && row.key_hex === null) return h("span", { class: "soft" }, "null");
  const text = visible(row.key ?? row.key_hex);
  return text ? h("code", { class: "clip", title: text }, text) : h("span", { class: "soft" }, "empty");
}

function value(row) {
  if (row.problem !== null) return [h("span", { class: "clip" }, badge("dead", "undecodable"), ` ${visible(row.problem)}`), h("code", { class: "clip soft" }, visible(row.summary ?? "null"))];
  return row.summary === null ? h("span", { class: "soft" }, "null") : h("span", { class: "clip" }, visible(row.summary));
}

function nothing(found) {
  if (found.searching) return empty("Nothing was found.", found.left ? "Not all messages were looked at." : "No message from here on meets what was asked for.");
  if (found.older || found.newer || Object.keys(found.wanted).length) return empty("No message is here.", "Choose another place above.");
  return empty("No message is on this topic.", "Ask a question, and watch it come by:", 'answerloop ask "What is the capital of Chile?" --reference "Santiago"', `answerloop topics tail ${found.topic}`);
}

function pager(data, found, context) {
  if (found.low === undefined) return null;
  const to = (place) => context.go(address("topics", context.route.rest, { ...found.wanted, from_time: "", offset: "", before: "", after: "", ...place }));
  const newer = beyond(found.high, data.partitions);
  if (!found.older && !newer) return null;
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("button", { type: "button", disabled: !newer, onclick: () => to({ after: found.high }) }, "Newer"),
    h("button", { type: "button", disabled: !found.older, onclick: () => to({ before: found.low }) }, "Older"),
    h("span", { class: "soft" }, `${many(newer, "newer message")}, ${count(found.older)} older`),
  );
}

function partitions(data, context) {
  const replicated = data.partitions.some((row) => row.leader !== null);
  const columns = [
    { name: "Partition", number: true, by: (row) => row.partition, cell: (row) => h("a", { href: address("topics", [data.topic], { partition: row.partition }) }, count(row.partition)) },
    { name: "Messages", number: true, by: (row) => row.messages, cell: (row) => messages({ ...row, compacted: data.compacted }) },
    { name: "From", number: true, cell: (row) => count(row.start) },
    { name: "To below", number: true, cell: (row) => count(row.end) },
    { name: "Newest", number: true, cell: (row) => ago(row.newest_at, data.at) },
  ];
  if (replicated) columns.push({ name: "Leader", number: true, cell: (row) => count(row.leader) }, { name: "Replicas", cell: (row) => row.replicas.join(", ") }, { name: "In sync", cell: (row) => row.in_sync.join(", ") });
  return section("Partitions", null, table({ sort: context, caption: "Partitions", rows: data.partitions, key: (row) => `${row.partition}`, columns }));
}
