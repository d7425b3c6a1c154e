// Whole tables put into another order by their heads. Lists that come page by page have the server's order.

import { h } from "./dom.js";

/** The rows in the order that was chosen in `state` for the table of this caption. */
export function sorted(rows, columns, caption, state) {
  const chosen = state.sorted?.[caption];
  const column = chosen && columns.find((each) => each.name === chosen.name && each.by);
  if (!column) return rows;
  const way = chosen.down ? -1 : 1;
  return rows
    .map((row, place) => ({ row, place, value: column.by(row) }))
    .sort((one, other) => compare(one.value, other.value, way) || one.place - other.place)
    .map((each) => each.row);
}

/** What has no value is last, whichever way. */
function compare(one, other, way) {
  const [none, neither] = [one ?? null, other ?? null].map((each) => each === null);
  if (none || neither) return Number(none) - Number(neither);
  return way * (typeof one === "string" ? one.localeCompare(other) : one - other);
}

/** A column's head: a button when the rows can be put in its order. Numbers begin with the largest. */
export function head(column, props, caption, context) {
  if (!column.by || !context) return h("th", props, column.name);
  const { state, draw } = context;
  const chosen = state.sorted?.[caption];
  const mine = chosen?.name === column.name;
  const turn = () => {
    const first = Boolean(column.number);
    const next = !mine ? { name: column.name, down: first } : chosen.down === first ? { name: column.name, down: !first } : null;
    state.sorted = { ...state.sorted, [caption]: next };
    draw();
  };
  const order = mine ? (chosen.down ? "descending" : "ascending") : null;
  return h(
    "th",
    { ...props, "aria-sort": order },
    h("button", { type: "button", class: "sort", onclick: turn }, column.name, h("span", { class: "arrow", "aria-hidden": "true" }, mine ? (chosen.down ? "▼" : "▲") : "↕")),
  );
}

/** A field that keeps the rows which hold its text. `texts(row)`: what is looked at. */
export function finder({ state, draw }, name, placeholder) {
  const find = (event) => {
    state.finding = { ...state.finding, [name]: event.target.value };
    draw();
  };
  return h("label", { class: "search" }, h("span", { class: "hidden" }, placeholder), h("input", { type: "search", placeholder, value: state.finding?.[name] ?? "", oninput: find }));
}

/** The rows that hold what was typed into the finder of this name. */
export function having(rows, { state }, name, texts) {
  const wanted = (state.finding?.[name] ?? "").trim().toLowerCase();
  return wanted ? rows.filter((row) => texts(row).join(" ").toLowerCase().includes(wanted)) : rows;
}
