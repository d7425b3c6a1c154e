// What programs can ask of this server, and what lies on its topics: two descriptions, made readable.

import { h } from "../dom.js";
import { many } from "../format.js";
import { choice, empty, section, table } from "../parts.js";
import { address } from "../route.js";
import { method, operationPage, operations } from "./api_operation.js";
import { prose } from "./api_schema.js";
import { channelPage, channels } from "./api_topics.js";

const PARTS = [
  { name: "HTTP", value: "http" },
  { name: "Topics", value: "topics" },
];
const DOCUMENTS = { http: "/openapi.json", topics: "/asyncapi.json" };

const partOf = (route) => route.rest[0] ?? "http";

export default {
  title: (route) => `API${route.rest[1] ? `: ${route.rest[1]}` : ""}`,
  view: (route) => DOCUMENTS[partOf(route)] ?? DOCUMENTS.http,
  still: () => true,

  render(data, context) {
    const [part, name] = [partOf(context.route), context.route.rest[1]];
    if (!(part in DOCUMENTS)) return [h("h1", null, "API"), empty("Nothing is at this address.", "There are the HTTP API and the topics.")];
    if (name === undefined) return [h("h1", null, "API"), bar(part, data, context), part === "http" ? index(data, context) : channels(data, context)];
    return (part === "http" ? operationPage : channelPage)(data, name, context) ?? [h("h1", null, name), empty("It is not in the description of this worker.", "A worker describes the pipelines that it runs.")];
  },
};

function bar(part, data, context) {
  const find = (event) => {
    context.state.find = event.target.value;
    context.draw();
  };
  return [
    h(
      "div",
      { class: "filters" },
      choice("Part", PARTS, part, (value) => context.go(address("api", value === "http" ? [] : [value]))),
      h("label", { class: "search" }, h("span", { class: "hidden" }, "Find"), h("input", { type: "search", placeholder: part === "http" ? "Find a path, a word" : "Find a topic, a record, a stage", value: context.state.find ?? "", oninput: find })),
      h("a", { href: DOCUMENTS[part] }, part === "http" ? "OpenAPI 3.1" : "AsyncAPI 3.0"),
    ),
    h("p", { class: "soft below" }, prose(data.info.description)),
  ];
}

function index(data, context) {
  const wanted = (context.state.find ?? "").trim().toLowerCase();
  const found = operations(data).filter((each) => `${each.method} ${each.path} ${each.operation.operationId} ${each.operation.summary}`.toLowerCase().includes(wanted));
  if (!found.length) return empty("Nothing was found.", "No method, path, name or summary holds this text.");
  return data.tags
    .map((tag) => ({ tag, rows: found.filter((each) => each.operation.tags.includes(tag.name)) }))
    .filter(({ rows }) => rows.length)
    .map(({ tag, rows }) =>
      section(
        tag.name[0].toUpperCase() + tag.name.slice(1),
        { key: tag.name, aside: h("span", { class: "soft" }, `${tag.description} · ${many(rows.length, "operation")}`) },
        table({
          caption: `Operations: ${tag.name}`,
          rows,
          key: (row) => row.operation.operationId,
          columns: [
            { name: "Operation", class: "route", cell: (row) => h("a", { href: address("api", ["http", row.operation.operationId]) }, method(row.method), h("code", null, row.path)) },
            { name: "Does", class: "text", cell: (row) => prose(row.operation.summary) },
          ],
        }),
      ),
    );
}
