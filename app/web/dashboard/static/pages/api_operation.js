// One operation of the HTTP API: what it takes, what it answers, and a form to try it.

import { h } from "../dom.js";
import { words } from "../format.js";
import { choice, facts, section, table } from "../parts.js";
import { lookUp, kind, paragraphs, prose, shape, shown } from "./api_schema.js";
import { tryIt } from "./api_try.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Every operation of the description: {method, path, operation}. */
export const operations = (data) =>
  Object.entries(data.paths).flatMap(([path, methods]) =>
    METHODS.filter((each) => each in methods).map((each) => ({ method: each.toUpperCase(), path, operation: methods[each] })),
  );

/** A method, told by word and colour: those that change something stand out. */
export const method = (name) => h("span", { class: `badge method ${name === "GET" ? "asking" : "waiting"}` }, name);

/** The page of an operation, or null when it is not described. */
export function operationPage(data, name, context) {
  const found = operations(data).find((each) => each.operation.operationId === name);
  if (!found) return null;
  const { path } = found;
  const operation = { ...found.operation, parameters: (found.operation.parameters ?? []).map((each) => ({ ...each, schema: meant(data, each.schema) })) };
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/api" }, "API"), " / ", h("code", null, name)),
    h("h1", { class: "operation" }, method(found.method), " ", h("code", null, path)),
    h(
      "div",
      { class: "summary" },
      h("div", null, h("p", null, h("b", null, prose(operation.summary))), paragraphs(operation.description)),
      facts([
        ["Operation", h("code", null, name)],
        ["Group", operation.tags.map(words).join(", ")],
        ["Token", operation.security ? "needed" : found.method === "GET" ? "not needed" : "this server has none"],
      ]),
    ),
    parameters(operation),
    body(data, operation, context),
    tryIt({ ...found, operation }, context),
    replies(data, operation, context),
  ];
}

const meant = (data, schema) => (schema.$ref ? lookUp(data, schema.$ref) : schema);

function parameters(operation) {
  if (!operation.parameters.length) return null;
  return section(
    "Parameters",
    null,
    table({
      caption: "Parameters",
      rows: operation.parameters,
      key: (row) => `${row.in} ${row.name}`,
      columns: [
        { name: "Name", class: "name", cell: (row) => h("code", null, row.name) },
        { name: "In", class: "state", cell: (row) => row.in },
        { name: "Type", class: "kind", cell: (row) => h("code", null, kind(row.schema)) },
        { name: "Needed", class: "state", cell: (row) => (row.required ? "needed" : "") },
        { name: "Meaning", class: "text", cell: (row) => [prose(row.description), row.example === undefined ? null : h("small", null, "Example: ", h("code", null, String(row.example)))] },
      ],
    }),
  );
}

function body(data, operation, context) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return null;
  return section("Body", null, shape(data, content.schema, context, "body"), examples(content, context, "body"));
}

/** The examples of a body, one at a time. The one of the request is also what the form begins with. */
function examples(content, context, what) {
  const all = Object.keys(content.examples ?? {});
  if (!all.length) return content.example === undefined ? null : [h("h3", { class: "below" }, "Example"), shown("Example", content.example)];
  const key = `example ${what}`;
  const chosen = all.includes(context.state[key]) ? context.state[key] : all[0];
  const choose = (value) => {
    context.state[key] = value;
    context.draw();
  };
  return [
    h("div", { class: "head below" }, h("h3", null, "Example"), all.length > 1 ? choice("Example", all.map((each) => ({ name: each, value: each })), chosen, choose) : null),
    shown(`Example: ${chosen}`, content.examples[chosen].value),
  ];
}

function replies(data, operation, context) {
  const all = Object.keys(operation.responses);
  const chosen = all.includes(context.state.status) ? context.state.status : all[0];
  const choose = (value) => {
    context.state.status = value;
    context.draw();
  };
  const told = operation.responses[chosen];
  const reply = told.$ref ? lookUp(data, told.$ref) : told;
  const headers = Object.entries(reply.headers ?? {});
  return section(
    "Replies",
    { aside: choice("Status", all.map((each) => ({ name: each, value: each })), chosen, choose) },
    h("p", null, h("b", null, chosen), " ", prose(reply.description)),
    headers.length ? facts(headers.map(([name, header]) => [name, prose(header.description)])) : null,
    Object.entries(reply.content ?? {}).map(([type, content]) =>
      h(
        "div",
        { key: `${chosen} ${type}`, class: "below" },
        h("h3", null, h("code", null, type)),
        shape(data, content.schema, context, `${chosen} ${type}`),
        examples(content, context, `${chosen} ${type}`),
      ),
    ),
  );
}
