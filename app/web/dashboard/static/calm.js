// A list that changes by itself stays as it is while somebody is at it: a row that moves away under
// the pointer is a wrong click. What came meanwhile is counted, and shown when it is asked for.

import { h } from "./dom.js";
import { count } from "./format.js";

const MOST = 50;

/**
 * Rows as they may be shown: `{rows, newer}`. `key(row)` tells rows
 * apart. Rows that are shown take what is new of them; `newer`: how many are not shown yet.
 */
export function calm({ state, viewed }, rows, key) {
  const held = state.calm?.viewed === viewed && rows.length && engaged() ? state.calm.rows : null;
  if (!held) {
    state.calm = { viewed, rows };
    return { rows, newer: 0 };
  }
  const now = new Map(rows.map((row) => [key(row), row]));
  const known = new Set(held.map(key));
  state.calm.rows = held.map((row) => now.get(key(row)) ?? row);
  return { rows: state.calm.rows, newer: rows.filter((row) => !known.has(key(row))).length };
}

/** Whether the pointer or the focus is in the list, or its beginning has been scrolled away. */
function engaged() {
  const list = document.querySelector(".calm");
  return Boolean(list) && (list.matches(":hover, :focus-within") || list.getBoundingClientRect().top < 0);
}

/** A button that shows what came meanwhile. It is always there, so that nothing moves when it is wanted. */
export function meanwhile({ rows, newer }, context) {
  if (!rows.length) return null;
  const show = () => {
    context.state.calm = null;
    context.draw();
  };
  const words = newer ? `Show ${count(newer)}${newer >= MOST ? " or more" : ""} newer` : "No newer ones";
  return h("button", { key: "meanwhile", type: "button", class: "meanwhile", disabled: !newer, onclick: show }, words);
}
