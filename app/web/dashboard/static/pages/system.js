// This worker: what it depends on, how its stages stand, what is committed, and every setting.

import { h } from "../dom.js";
import { count, figure, moment, many, NONE, since, span, whole, words } from "../format.js";
import { badge, choice, facts, section, table, tile } from "../parts.js";
import { address } from "../route.js";
import { finder, having } from "../sorting.js";
import { prose } from "./api_schema.js";

const SHOWN = [
  { name: "Set", value: "set" },
  { name: "All", value: "all" },
];
const COMMITS = [
  { name: "Topics", value: "topics" },
  { name: "Partitions", value: "partitions" },
];

export default {
  every: 3,
  view: () => "/ui/api/system",

  render(data, context) {
    return [h("h1", null, "System"), worker(data), dependencies(data), stages(data, context), commits(data, context), data.gate ? gate(data.gate) : null, settings(data, context), versions(data)];
  },
};

function worker(data) {
  const loop = data.event_loop;
  const slow = loop.p99_seconds !== null && loop.p99_seconds > 0.25;
  return section(
    "Worker",
    null,
    h(
      "dl",
      { class: "tiles" },
      tile("Done", `${rate(data.stages.reduce((sum, row) => sum + row.per_second, 0))}/s`, "messages of all stages, last minute", { figure: "done" }),
      tile("Event loop late", known(loop.median_seconds), loop.p99_seconds === null ? "being measured" : `p99 ${span(loop.p99_seconds)}, longest ${span(loop.longest_seconds)}, last minute${slow ? ": something blocks it" : ""}`, { figure: "loop-lag" }),
      tile("Oldest not done", known(most(data.commits, "oldest_seconds")), "of what was fetched", { figure: "oldest" }),
      tile("Last commit", known(least(data.commits, "commit_seconds")), "ago, of any partition", { figure: "commit" }),
    ),
    h(
      "div",
      { class: "below" },
      facts([
        ["Version", `answerloop ${data.version}`],
        ["Name", h("code", null, data.worker)],
        ["Runs", data.pipelines.join(", ")],
        ["Up for", `${whole(since(data.started_at, data.at))}, since ${moment(data.started_at)}`],
      ]),
    ),
  );
}

const known = (seconds) => (seconds === null ? NONE : span(seconds));
const rate = (value) => (value >= 100 ? count(Math.round(value)) : figure(value, value >= 10 ? 1 : 2));
const seconds = (rows, name) => rows.map((row) => row[name]).filter((value) => value !== null);
const most = (rows, name) => (seconds(rows, name).length ? Math.max(...seconds(rows, name)) : null);
const least = (rows, name) => (seconds(rows, name).length ? Math.min(...seconds(rows, name)) : null);
const total = (rows, name) => (rows.some((row) => row[name] === null) ? null : rows.reduce((sum, row) => sum + row[name], 0));

function dependencies(data) {
  return section(
    "Dependencies",
    { aside: h("span", { class: "soft" }, data.checked_at ? `${data.status}, asked ${whole(since(data.checked_at, data.at))} ago` : "not asked yet") },
    table({
      caption: "Dependencies",
      rows: data.dependencies,
      key: (row) => row.name,
      empty: h("p", { class: "soft" }, "None has answered yet."),
      columns: [
        { name: "Part", cell: (row) => row.name },
        { name: "State", class: "state", cell: (row) => badge(row.status) },
        { name: "Answered in", number: true, cell: (row) => known(row.seconds) },
        { name: "Detail", class: "text", cell: (row) => row.detail },
      ],
    }),
  );
}

function stages(data, context) {
  const waits = (row) => Object.entries(row.waits_for).map(([what, number]) => `${what} (${number})`);
  const held = (row) => [row.paused ? `paused: ${row.paused}` : null, ...waits(row)].filter(Boolean).join(", ");
  return section(
    "Stages",
    { aside: h("span", { class: "soft" }, "on this worker's partitions") },
    table({
      sort: context,
      caption: "Stages of this worker",
      rows: data.stages,
      key: (row) => `${row.pipeline}/${row.stage}`,
      columns: [
        { name: "Stage", class: "state", by: (row) => row.stage, cell: (row) => row.stage },
        { name: "Done/s", number: true, by: (row) => row.per_second, cell: (row) => h("span", { title: `${count(row.done_last_minute)} in the last minute` }, rate(row.per_second)) },
        { name: "Before it", number: true, by: (row) => row.behind, cell: (row) => count(row.behind) },
        { name: "Queued", number: true, by: (row) => row.queued, cell: (row) => count(row.queued) },
        { name: "In hand", number: true, by: (row) => row.in_hand, cell: (row) => count(row.in_hand) },
        { name: "Oldest in hand", number: true, by: (row) => (row.in_hand ? row.oldest_seconds : null), cell: (row) => (row.in_hand ? span(row.oldest_seconds) : "") },
        { name: "Waits for", class: "text", cell: held },
        { name: "Reads", class: "text", cell: (row) => row.topics.join(", ") },
      ],
    }),
    h("p", { class: "soft below" }, "“Done/s” is of the last minute. “Before it” are messages of its topics that are not done yet: what a stage can't keep up with grows there. “Queued” were handed to it, and are not begun; a stage that reads chunks has chunks queued and in hand."),
  );
}

function commits(data, context) {
  const { state, draw } = context;
  const shown = state.commits ?? "topics";
  const choose = (value) => {
    state.commits = value;
    draw();
  };
  const place = shown === "topics" ? (row) => `${row.group}/${row.topic}` : (row) => `${row.group}/${row.topic}/${row.partition}`;
  const rows = new Map();
  for (const row of data.commits) rows.set(place(row), [...(rows.get(place(row)) ?? []), row]);
  return section(
    "Commits",
    { aside: choice("Commits shown by", COMMITS, shown, choose) },
    table({
      sort: context,
      caption: `Commits of this worker by ${shown === "topics" ? "topic" : "partition"}`,
      rows: [...rows.entries()],
      key: ([key]) => key,
      empty: h("p", { class: "soft" }, "No partition is this worker's at the moment."),
      columns: [
        { name: "Topic", by: ([, own]) => own[0].topic, cell: ([, own]) => h("a", { href: address("topics", [own[0].topic]) }, own[0].topic) },
        { name: shown === "topics" ? "Partitions" : "Partition", number: true, by: ([, own]) => (shown === "topics" ? own.length : own[0].partition), cell: ([, own]) => count(shown === "topics" ? own.length : own[0].partition) },
        { name: "Not done", number: true, by: ([, own]) => total(own, "behind"), cell: ([, own]) => count(total(own, "behind")) },
        { name: "Oldest of them", number: true, by: ([, own]) => most(own, "oldest_seconds"), cell: ([, own]) => known(most(own, "oldest_seconds")) },
        { name: "Done, not committed", number: true, by: ([, own]) => total(own, "acknowledged"), cell: ([, own]) => count(total(own, "acknowledged")) },
        { name: "Last commit", number: true, by: ([, own]) => least(own, "commit_seconds"), cell: ([, own]) => known(least(own, "commit_seconds")) },
        { name: "Group", class: "text", cell: ([, own]) => own[0].group },
      ],
    }),
    h("p", { class: "soft below" }, "Seconds since this worker's last commit there, and since the time stamp of the oldest message in flight. A last commit that gets old while messages are done and not committed is trouble."),
  );
}

function versions(data) {
  return section("Versions", null, facts(data.versions.map((each) => [each.name, each.version])));
}

function gate(found) {
  return section(
    "Gate in force",
    null,
    facts([
      ["Passes", `${words(found.metric)} ≥ ${figure(found.threshold)}${Object.entries(found.languages).map(([code, own]) => `, ${code} ${figure(own)}`).join("")}`],
      ["From", found.source],
      ["Scorer", found.scorer],
      ["Guards", found.guards.length ? found.guards.map(words).join(", ") : "none"],
      ["Asked", `${many(found.max_generations, "time")} at most`],
    ]),
  );
}

function settings(data, context) {
  const { state, draw } = context;
  const shown = state.shown ?? "set";
  const choose = (value) => {
    state.shown = value;
    draw();
  };
  const rows = having(data.settings.filter((row) => shown === "all" || row.from === "set"), context, "settings", (row) => [row.setting, row.value, row.meaning]);
  return section(
    "Settings",
    { aside: h("div", { class: "filters" }, finder(context, "settings", "Find a setting"), choice("Settings shown", SHOWN, shown, choose)) },
    table({
      caption: "Settings",
      rows,
      key: (row) => row.setting,
      empty: h("p", { class: "soft" }, shown === "set" && !data.settings.some((row) => row.from === "set") ? "Nothing is set: every setting has its default." : "No setting holds this text."),
      columns: [
        { name: "Setting", cell: (row) => h("code", null, row.setting) },
        { name: "Value", class: "text", cell: (row) => (row.value === null ? h("span", { class: "soft" }, "not set") : h("code", null, row.value)) },
        { name: "From", cell: (row) => row.from },
        { name: "Meaning", class: "text", cell: (row) => prose(row.meaning) },
      ],
    }),
  );
}
