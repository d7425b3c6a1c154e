// Where to look in a topic, and for what: the address says it all.

import { h } from "./dom.js";
import { choice } from "./parts.js";
import { address } from "./route.js";

const FROM = [
  { name: "Newest", value: "" },
  { name: "A time", value: "time" },
  { name: "An offset", value: "offset" },
];

export function form(data, context) {
  const { query, rest } = context.route;
  const { state } = context;
  const from = state.from ?? (query.from_time ? "time" : query.offset ? "offset" : "");
  const choose = (value) => {
    state.from = value;
    context.draw();
  };
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const time = given.from_time ? new Date(given.from_time).toISOString() : "";
    const wanted = { from_time: time, partition: given.partition, offset: given.offset, key: given.key, filter: given.filter.trim(), bad: given.bad };
    state.from = undefined;
    lookAt(address("topics", rest, wanted), context);
  };
  return h(
    "form",
    { class: "look", onsubmit: submit },
    h("div", { key: "From", class: "field" }, h("span", null, "From"), choice("From", FROM, from, choose)),
    from === "time" ? field("Time, by your clock", h("input", { name: "from_time", type: "datetime-local", step: "1", required: true, value: query.from_time ? local(query.from_time) : "" })) : null,
    from === "offset" ? field("Offset", h("input", { name: "offset", type: "number", min: "0", max: "999999999999999999", required: true, value: query.offset ?? "" })) : null,
    field("Partition", h("select", { name: "partition" }, partitions(data, query, from))),
    field("Key", h("input", { name: "key", type: "search", maxlength: "1000", placeholder: "the whole key", value: query.key ?? "", autocomplete: "off" })),
    field("Fields", h("input", { name: "filter", type: "search", maxlength: "1000", placeholder: "cause=overloaded", title: "field=value, !=, ~ (holds a text), <, <=, >, >=; joined by &&; a . leads into objects", value: query.filter ?? "", autocomplete: "off" }), "wide", "= != ~ (holds) < > <= >= &&"),
    h("label", { key: "bad", class: "check" }, h("input", { name: "bad", type: "checkbox", value: "true", checked: query.bad === "true" }), "Undecodable only"),
    h("button", { key: "look", class: "primary" }, "Search"),
  );
}

/** Go to an address of messages; where that is this one, look again. */
export function lookAt(target, context) {
  if (target !== location.hash) return context.go(target);
  context.state.key = null;
  context.draw();
}

const field = (name, input, kind, hint) => h("label", { key: name, class: `field ${kind ?? ""}` }, h("span", null, name), input, hint ? h("small", null, hint) : null);

function partitions(data, query, from) {
  const all = from === "offset" ? [] : [h("option", { value: "", selected: !query.partition }, "All")];
  return [...all, ...data.partitions.map((each) => h("option", { value: String(each.partition), selected: query.partition === String(each.partition) }, String(each.partition)))];
}

/** ISO 8601 -> what an input of a local time takes. */
function local(at) {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return "";
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
