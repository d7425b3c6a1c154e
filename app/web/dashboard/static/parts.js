// Pieces that pages share.

import { h } from "./dom.js";
import { count, NONE, words } from "./format.js";
import { head, sorted } from "./sorting.js";

const MARKS = {
  validated: "✓",
  low_quality: "≈",
  unscored: "○",
  dead: "✕",
  waiting: "◷",
  asking: "→",
  judging: "◇",
  accepted: "·",
  up: "✓",
  down: "✕",
  pass: "✓",
  fail: "✕",
};

export const STATES = ["validated", "low_quality", "unscored", "dead", "accepted", "asking", "waiting", "judging"];

/** A state, told by colour, mark and word. */
export function badge(state, text = words(state)) {
  return h("span", { class: `badge ${state}` }, h("span", { class: "mark", "aria-hidden": "true" }, MARKS[state] ?? "•"), text);
}

/** "2.1": generation and attempt; a later round stands before them. */
export function turn(row) {
  const text = `${row.generation}.${row.attempt}`;
  const meaning = `generation ${row.generation}, attempt ${row.attempt}${row.round ? `, round ${row.round}` : ""}`;
  return h("span", { title: meaning }, row.round ? `r${row.round} ${text}` : text);
}

/** A part of a page with its heading. */
export function section(title, props, ...children) {
  const { aside, ...rest } = props ?? {};
  const head = h("div", { class: "head" }, h("h2", null, title), aside);
  return h("section", { "aria-label": title, ...rest }, head, ...children);
}

/** A figure with its name and a word below. */
export function tile(name, value, note, props) {
  return h(
    "div",
    { class: `tile ${props?.class ?? ""}` },
    h("dt", null, name),
    h("dd", null, h("strong", { "data-figure": props?.figure }, value), h("span", { class: "note" }, note ?? "")),
  );
}

/** A value that tells its name where a table's head is not seen. */
export const named = (name, value) => h("span", null, h("span", { class: "narrow" }, `${name} `), value);

/** Names and values, one below the other. Rows: [name, value], or null. */
export function facts(rows) {
  return h(
    "dl",
    { class: "facts" },
    rows.filter(Boolean).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value ?? NONE))),
  );
}

/**
 * A table. Columns: {name, number?, by?(row), cell(row)}; `key(row)` tells rows apart. With `sort`, the
 * page's context, the heads of columns that have `by` put all rows into their order.
 */
export function table({ caption, columns, rows, key, empty, row: attributes, sort, class: kind }) {
  if (!rows.length && empty) return empty;
  const shown = sort ? sorted(rows, columns, caption, sort.state) : rows;
  return h(
    "div",
    { class: ["scroll", sort && "sortable", kind].filter(Boolean).join(" "), tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", { class: "hidden" }, caption),
      h("thead", null, h("tr", null, columns.map((each) => head(each, { scope: "col", class: classOf(each) }, caption, sort)))),
      h(
        "tbody",
        null,
        shown.map((row, index) =>
          h(
            "tr",
            { key: key ? key(row) : `${index}`, ...attributes?.(row) },
            columns.map((each, place) =>
              h(place === 0 ? "th" : "td", { scope: place === 0 ? "row" : null, class: classOf(each), "data-name": each.name || null }, each.cell(row)),
            ),
          ),
        ),
      ),
    ),
  );
}

const classOf = (column) => [column.number && "number", column.class].filter(Boolean).join(" ") || null;

/** What to do where there is nothing to see. */
export function empty(title, text, ...commands) {
  return h(
    "div",
    { class: "empty" },
    h("p", null, h("b", null, title)),
    h("p", null, text),
    commands.map((each) => h("pre", null, h("code", null, each))),
  );
}

/** A stretch of parts of a whole: [{name, value, class}]. The figures stand beside it as text. */
export function stack(parts) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  let at = 0;
  return h(
    "svg",
    { class: "stack", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    parts.map((part) => {
      const width = whole ? (1000 * part.value) / whole : 0;
      at += width;
      return h("rect", { key: part.name, class: part.class, x: at - width, y: 0, width, height: 10 });
    }),
  );
}

/** Buttons of which one is chosen: [{name, value, count?}]. */
export function choice(label, options, chosen, choose) {
  return h(
    "div",
    { class: "choice", role: "group", "aria-label": label },
    options.map((each) =>
      h(
        "button",
        { key: String(each.value), type: "button", "aria-pressed": String(each.value === chosen), onclick: () => choose(each.value) },
        each.name,
        each.count === undefined ? null : h("span", { class: "count" }, count(each.count)),
      ),
    ),
  );
}
