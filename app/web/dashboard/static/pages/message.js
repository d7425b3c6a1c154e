// One message: key, headers, and its value decoded, as it is, or byte by byte.

import { h } from "../dom.js";
import { bytes, count, exact, many, visible } from "../format.js";
import { choice, facts, section, table } from "../parts.js";
import { address } from "../route.js";

const DUMPED = 16_384;
const WAYS = [
  { name: "Decoded", value: "decoded" },
  { name: "As it is", value: "text" },
  { name: "Bytes", value: "bytes" },
];

export default {
  view: (route) => `/ui/api/topics/${route.rest.map(encodeURIComponent).join("/")}`,

  render(data, context) {
    const at = (offset) => address("topics", [data.topic, data.partition, offset]);
    const go = (offset) => context.go(at(offset));
    return [
      h("p", { class: "crumbs" }, h("a", { href: "#/topics" }, "Topics"), " / ", h("a", { href: address("topics", [data.topic]) }, data.topic), " / ", h("code", null, `${data.partition}/${data.offset}`)),
      h("h1", null, `Partition ${data.partition}, offset ${count(data.offset)}`),
      data.problem === null ? null : h("div", { class: "alert bad" }, h("b", null, "Undecodable: "), visible(data.problem)),
      summary(data),
      h(
        "nav",
        { class: "pager", "aria-label": "Messages of the partition" },
        h("button", { type: "button", disabled: data.offset <= data.start, onclick: () => go(data.offset - 1) }, "Offset before"),
        h("button", { type: "button", disabled: data.offset + 1 >= data.end, onclick: () => go(data.offset + 1) }, "Offset after"),
        h("a", { href: address("topics", [data.topic], { partition: data.partition, offset: data.offset }) }, "The messages from here on"),
      ),
      data.headers.length ? headers(data) : null,
      value(data, context),
    ];
  },
};

function summary(data) {
  return h(
    "div",
    { class: "summary" },
    facts([
      ["Time", exact(data.at)],
      ["Record", data.record],
      ["Key", data.key !== null ? h("code", null, visible(data.key)) : data.key_base64 !== null ? h("code", null, hex(fromBase64(data.key_base64)), " (no text)") : "null"],
      ["Size", data.bytes === null ? "null: no value" : many(data.bytes, "byte")],
      ["Headers", count(data.headers.length)],
      data.question_id ? ["Question", h("a", { href: address("questions", [data.question_id]) }, visible(data.question_id))] : null,
    ]),
  );
}

function headers(data) {
  return section(
    "Headers",
    null,
    table({
      caption: "Headers",
      rows: data.headers.map((each, index) => ({ ...each, index })),
      key: (row) => `${row.index}`,
      columns: [
        { name: "Name", cell: (row) => h("code", null, visible(row.name)) },
        { name: "Value", class: "text", cell: (row) => (row.value !== null ? h("code", null, visible(row.value)) : h("code", null, hex(fromBase64(row.value_base64)), " (no text)")) },
      ],
    }),
  );
}

function value(data, context) {
  const { state } = context;
  if (data.bytes === null) return section("Value", null, h("p", { class: "soft" }, data.record === "table" ? "null: the entry was dropped from the table." : "null: it has no value."));
  const laid = data.value === null ? null : laidOut(data.value);
  const ways = WAYS.filter((way) => way.value === "bytes" || (way.value === "text" ? data.value !== null : laid !== null));
  const way = ways.some((each) => each.value === state.way) ? state.way : ways[0].value;
  const choose = (chosen) => {
    state.way = chosen;
    context.draw();
  };
  const shown = way === "decoded" ? visible(laid, true) : way === "text" ? visible(data.value, true) : dump(data);
  return section(
    "Value",
    { aside: choice("Shown as", ways, way, choose) },
    h("pre", { class: way === "bytes" ? "payload dump" : "payload", tabindex: "0", "aria-label": "Value" }, shown),
    data.cut ? h("p", { class: "soft below" }, `Only the first MiB of ${bytes(data.bytes)} is shown.`) : null,
    way === "bytes" && data.bytes > DUMPED ? h("p", { class: "soft below" }, `Only the first ${count(DUMPED)} bytes are shown.`) : null,
  );
}

/** JSON in lines, null of what is none. Numbers beyond double precision stay right only as they are. */
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

function dump(data) {
  const all = data.value_base64 !== null ? fromBase64(data.value_base64) : new TextEncoder().encode(data.value);
  const lines = [];
  for (let at = 0; at < Math.min(all.length, DUMPED); at += 16) {
    const row = all.subarray(at, at + 16);
    const text = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex(row).padEnd(48)} ${text}`);
  }
  return lines.join("\n");
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const hex = (found) => Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
