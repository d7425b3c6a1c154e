// Pages of a list that the server gives by cursors, which only lead forward: the way back is remembered.

import { h } from "./dom.js";
import { count } from "./format.js";

/** `next`: the cursor of the page after the one that is shown, or null; `go(cursor)` leads to one. */
export function pager({ state, viewed }, next, go) {
  const cursor = new URLSearchParams(viewed.split("?")[1]).get("cursor") ?? "";
  if (!cursor && !next) return null;
  const trail = (state.trail ??= new Map()); // cursor -> the cursor before it
  if (next) trail.set(next, cursor);
  const number = place(trail, cursor);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("button", { type: "button", disabled: !cursor, onclick: () => go(null) }, "First page"),
    h("button", { type: "button", disabled: !trail.has(cursor), onclick: () => go(trail.get(cursor)) }, "Previous page"),
    h("button", { type: "button", disabled: !next, onclick: () => go(next) }, "Next page"),
    number ? h("span", { class: "soft", role: "status" }, `Page ${count(number)}`) : null,
  );
}

/** Which page it is, or null when it was opened by its address. */
function place(trail, cursor) {
  let [number, at] = [1, cursor];
  const seen = new Set();
  while (at) {
    if (!trail.has(at) || seen.has(at)) return null;
    seen.add(at);
    at = trail.get(at);
    number += 1;
  }
  return number;
}
