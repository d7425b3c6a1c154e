// The recommendations of a user, by a form.

import { h } from "./dom.js";
import { count, figure, many, share, since, span } from "./format.js";
import { named, section, table } from "./parts.js";
import { address } from "./route.js";
import { length } from "./shares.js";

const MOST_ID = 4_294_967_295;

/** The user of the address, when it is one. */
export function userOf(route) {
  const text = route.query.user ?? "";
  return /^[0-9]{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_ID ? Number(text) : null;
}

/** A section with the form, and what `data.recommendations` has. */
export function chosen(data, context) {
  const given = context.route.query.user ?? "";
  const find = (event) => {
    event.preventDefault();
    context.go(address("ratings", [], { user: context.state.typed ?? given }));
  };
  const form = h(
    "form",
    { class: "filters find", onsubmit: find },
    h("label", { class: "search" }, h("span", { class: "hidden" }, "User id"), h("input", { type: "search", inputmode: "numeric", maxlength: "10", placeholder: "User id", value: context.state.typed ?? given, oninput: (event) => (context.state.typed = event.target.value.trim()) })),
    h("button", { type: "submit" }, "Show"),
  );
  return section("Recommendations of a user", null, form, recommended(data, given, userOf(context.route)));
}

function recommended(data, given, user) {
  if (!given) return h("p", { class: "soft" }, "The best movies that a user has not rated; popular ones for a user of whom nothing is known.");
  if (user === null) return h("p", { class: "bad", role: "alert" }, `${given.slice(0, 40)} is no user id: a whole number from 1 to ${count(MOST_ID)}.`);
  if (data.recommendations_trouble) return h("p", { class: "bad", role: "alert" }, data.recommendations_trouble);
  const found = data.recommendations;
  if (!found || found.userId !== user) return h("p", { class: "soft" }, "Reading …");
  const source = found.source === "user" ? `Made of ${many(found.ratings, "rating")} of user ${found.userId}, ${found.made_at ? `${span(since(found.made_at, data.at))} ago, ` : ""}by ${found.model}.` : `Nothing is known of user ${found.userId}: popular movies.`;
  return [
    h("p", { class: "soft" }, source),
    table({
      caption: `Recommendations of user ${found.userId}`,
      rows: found.movies,
      key: (row) => String(row.movieId),
      empty: h("p", { class: "soft" }, "There is no movie to recommend yet."),
      columns: [
        { name: "Movie", class: "name", cell: (row) => named("Movie", row.movieId) },
        { name: "Expected stars", number: true, cell: (row) => figure(row.score, 2) },
        { name: "", class: "bandcell", cell: (row) => length(row.score, 5) },
        { name: "Confidence", number: true, cell: (row) => share(row.confidence, 1) },
      ],
    }),
  ];
}
