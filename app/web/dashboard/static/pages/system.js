// This worker: what it depends on, how its stages stand, and every setting.

import { h } from "../dom.js";
import { count, figure, moment, many, since, span, whole, words } from "../format.js";
import { badge, choice, facts, section, table } from "../parts.js";

const SHOWN = [
  { name: "Set", value: "set" },
  { name: "All", value: "all" },
];

export default {
  every: 3,
  view: () => "/ui/api/system",

  render(data, { state, draw }) {
    return [h("h1", null, "System"), worker(data), dependencies(data), stages(data), data.gate ? gate(data.gate) : null, settings(data, state, draw)];
  },
};

function worker(data) {
  return section(
    "Worker",
    null,
    facts([
      ["Version", `answerloop ${data.version}, Python ${data.python}`],
      ["Name", h("code", null, data.worker)],
      ["Runs", data.pipelines.join(", ")],
      ["Up for", `${whole(since(data.started_at, data.at))}, since ${moment(data.started_at)}`],
    ]),
  );
}

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
        { name: "Detail", class: "text", cell: (row) => row.detail },
      ],
    }),
  );
}

function stages(data) {
  const waits = (row) => Object.entries(row.waits_for).map(([what, number]) => `${what} (${number})`).join(", ");
  return section(
    "Stages",
    { aside: h("span", { class: "soft" }, "on this worker's partitions") },
    table({
      caption: "Stages of this worker",
      rows: data.stages,
      key: (row) => `${row.pipeline}/${row.stage}`,
      columns: [
        { name: "Stage", cell: (row) => row.stage },
        { name: "Before it", number: true, cell: (row) => (row.behind === null ? "–" : count(row.behind)) },
        { name: "In hand", number: true, cell: (row) => count(row.in_hand) },
        { name: "Oldest in hand", number: true, cell: (row) => (row.in_hand ? span(row.oldest_seconds) : "") },
        { name: "Waits for", cell: waits },
        { name: "Reads", class: "text", cell: (row) => row.topics.join(", ") },
        { name: "Partitions", number: true, cell: (row) => (row.partitions === null ? "–" : count(row.partitions)) },
      ],
    }),
    h("p", { class: "soft below" }, "“Before it” are messages of its topics that are not done yet: what a stage can't keep up with grows there."),
  );
}

function gate(found) {
  return section(
    "Gate in force",
    null,
    facts([
      ["Passes", `${words(found.metric)} ≥ ${figure(found.threshold)}`],
      ["From", found.source],
      ["Scorer", found.scorer],
      ["Guards", found.guards.length ? found.guards.map(words).join(", ") : "none"],
      ["Asked", `${many(found.max_generations, "time")} at most`],
    ]),
  );
}

function settings(data, state, draw) {
  const shown = state.shown ?? "set";
  const choose = (value) => {
    state.shown = value;
    draw();
  };
  return section(
    "Settings",
    { aside: choice("Settings shown", SHOWN, shown, choose) },
    table({
      caption: "Settings",
      rows: data.settings.filter((row) => shown === "all" || row.from === "set"),
      key: (row) => row.setting,
      empty: h("p", { class: "soft" }, "Nothing is set: every setting has its default."),
      columns: [
        { name: "Setting", cell: (row) => h("code", null, row.setting) },
        { name: "Value", class: "text", cell: (row) => (row.value === null ? h("span", { class: "soft" }, "not set") : h("code", null, row.value)) },
        { name: "From", cell: (row) => row.from },
        { name: "Meaning", class: "text", cell: (row) => row.meaning },
      ],
    }),
  );
}
