// JSON Schema in tables: the fields of an object, and those of the objects inside of it, unfolded when wanted.

import { h } from "../dom.js";
import { visible } from "../format.js";
import { table } from "../parts.js";

const DEEPEST = 8;

/** What a reference of the document means. */
export const lookUp = (data, ref) =>
  ref
    .slice(2)
    .split("/")
    .reduce((found, part) => found?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], data);

export const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

/** Text with `code` in it. */
export const prose = (text) => String(text ?? "").split("`").map((part, place) => (place % 2 ? h("code", null, visible(part)) : visible(part)));

/** Paragraphs of such text. */
export const paragraphs = (text) => String(text ?? "").split("\n\n").filter(Boolean).map((part) => h("p", { class: "below" }, prose(part)));

/** A type with its bounds in a few words: "integer 0..10000", "string ..32000, null". */
export function kind(schema) {
  if (schema === undefined || schema === true) return "any";
  if (schema.$ref) return nameOf(schema.$ref);
  const arms = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (arms) return arms.map(kind).join(", ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.items) return `list of ${kind(schema.items)}${bounds(schema.minItems, schema.maxItems)}`;
  const inside = schema.additionalProperties;
  if (inside && typeof inside === "object") return `object of ${kind(inside)}`;
  const name = [schema.contentEncoding ?? schema.type ?? "any"].flat().join(", ");
  return name + bounds(schema.exclusiveMinimum ?? schema.minimum ?? schema.minLength, schema.maximum ?? schema.exclusiveMaximum ?? schema.maxLength);
}

const bounds = (low, high) => (low === undefined && high === undefined ? "" : ` ${short(low)}..${short(high)}`);

/** 1000000000 -> "1e9" */
const short = (value) => (value === undefined ? "" : /^-?10{6,}$/.test(value) ? value.toExponential(0).replace("+", "") : String(value));

/** Every schema that one names, however deep in its own text. */
function named(schema, found = new Set()) {
  if (schema && typeof schema === "object") {
    if (typeof schema.$ref === "string") found.add(schema.$ref);
    for (const each of Object.values(schema)) named(each, found);
  }
  return found;
}

/** Show a schema: its fields as a table, what it is made of below. `path` tells places apart. */
export function shape(data, schema, context, path) {
  const arms = schema.oneOf ?? (schema.anyOf?.every((each) => each.$ref) ? schema.anyOf : null);
  if (arms) return arms.map((each, place) => [h("h3", { key: `${path}.${place}`, class: "arm" }, `${place ? "or" : "either"} ${kind(each)}`), shape(data, each, context, `${path}.${place}`)]);
  if (schema.$ref) {
    const meant = lookUp(data, schema.$ref);
    return meant ? shape(data, meant, context, path) : h("p", { class: "bad" }, `${schema.$ref} is not there.`);
  }
  const rows = Object.entries(schema.properties ?? {}).map(([name, of]) => ({ name, of, needed: (schema.required ?? []).includes(name) }));
  return [
    schema.description ? paragraphs(schema.description) : null,
    rows.length ? fields(rows, schema.title ?? path) : h("p", { class: "soft" }, h("code", null, kind(schema))),
    [...named(schema)].map((ref) => folded(data, ref, context, `${path}/${nameOf(ref)}`)),
  ];
}

function fields(rows, title) {
  return table({
    caption: `Fields: ${title}`,
    rows,
    key: (row) => row.name,
    columns: [
      { name: "Field", class: "name", cell: (row) => h("code", null, visible(row.name)) },
      { name: "Type", class: "kind", cell: (row) => h("code", null, visible(kind(row.of))) },
      { name: "Needed", class: "state", cell: (row) => (row.needed ? "needed" : "") },
      { name: "Meaning", class: "text", cell: (row) => [prose(told(row.of)), rules(row.of)] },
    ],
  });
}

/** A field's words, which may stand beside the null that it can be, too. */
const told = (of) => of.description ?? of.anyOf?.find((each) => each.description)?.description;

/** What bounds and words do not say: pattern, default. */
function rules(of) {
  const patterns = [of, ...(of.anyOf ?? [])].map((each) => each.pattern).filter(Boolean);
  const all = [...patterns.map((each) => `pattern ${each}`), of.default === undefined || of.default === null ? null : `default ${JSON.stringify(of.default)}`].filter(Boolean);
  return all.length ? h("small", null, all.map((each) => h("code", null, visible(each), " "))) : null;
}

/** A named schema, unfolded when somebody opens it: some hold themselves. */
function folded(data, ref, context, path) {
  const open = (context.state.unfolded ??= {});
  const toggle = (event) => {
    if (Boolean(open[path]) === event.target.open) return;
    open[path] = event.target.open;
    context.draw();
  };
  if (path.split("/").length > DEEPEST || path.split("/").slice(0, -1).includes(nameOf(ref))) return null;
  return h(
    "details",
    { key: path, class: "folded", open: Boolean(open[path]), ontoggle: toggle },
    h("summary", null, h("code", null, nameOf(ref))),
    open[path] ? h("div", null, shape(data, { $ref: ref }, context, path)) : null,
  );
}

/** JSON as text of several lines. */
export const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** Something to read, which can be scrolled by the keyboard. */
export const shown = (name, value) => h("pre", { class: "payload", tabindex: "0", "aria-label": name }, visible(pretty(value), true));
