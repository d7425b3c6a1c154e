// The stream of ratings: what became of its events, its course, top movies, a user's movies.

import { query } from "../api.js";
import { bars } from "../bars.js";
import { LineChart } from "../chart.js";
import { h } from "../dom.js";
import { count, figure, many, moment, NONE, share, since, span, whole, words } from "../format.js";
import { choice, empty, facts, named, section, table, tile } from "../parts.js";
import { length } from "../shares.js";
import { chosen, userOf } from "../user_movies.js";

const RANGES = [
  { name: "15 min", value: 900 },
  { name: "30 min", value: 1800 },
  { name: "1 h", value: 3600 },
];
const RULES = {
  malformed: "no JSON object, or under a key that is not its user",
  missing: "a field is not there",
  type: "a field of another type, or one that is not known",
  user_id: "no user id within the limits",
  movie_id: "no movie id within the limits",
  rating: "not 0.5 to 5.0 in halves",
  timestamp: "no time in milliseconds",
};

const rate = new LineChart({
  title: "Events, per second",
  format: (value) => (value >= 10 ? count(Math.round(value)) : String(Number(value.toFixed(1)))),
  series: [{ key: "per_second", name: "all workers", class: "one" }],
});
const error = new LineChart({
  title: "RMSE of predictions, stars",
  format: (value) => figure(value, 2),
  series: [{ key: "rmse", name: "RMSE", class: "two" }],
});

export default {
  every: 2,
  view: (route) => `/ui/api/ratings${query({ user: userOf(route) })}`,

  render(data, context) {
    const { stats } = data;
    const rejected = sum(stats.rejected);
    const events = stats.valid + rejected + stats.duplicate + stats.stale;
    const head = [h("h1", null, "Ratings"), data.trouble ? h("div", { class: "alert warn", role: "status" }, h("b", null, "! "), `These figures are from before: ${data.trouble}.`) : null];
    if (!events) {
      return [head, empty("No rating has come yet.", "Send some to the topic ratings, and watch what becomes of them:", "answerloop ratings produce --count 10000"), h("div", { class: "columns" }, chosen(data, context), model(data))];
    }
    return [
      head,
      tiles(data, events, rejected),
      course(data, context),
      h("div", { class: "columns" }, rules(stats, rejected, events), stars(stats)),
      windows(data),
      h("div", { class: "columns" }, movies(data), h("div", null, chosen(data, context), model(data))),
    ];
  },
};

const sum = (counts) => Object.values(counts).reduce((all, each) => all + each, 0);

function tiles(data, events, rejected) {
  const { stats } = data;
  return h(
    "dl",
    { class: "tiles eight" },
    tile("Events", count(events), `read ${whole(since(data.read_at, data.at))} ago`, { figure: "events" }),
    tile("Valid", count(stats.valid), share(stats.valid, events), { figure: "valid" }),
    tile("Rejected", count(rejected), share(rejected, events), { figure: "rejected" }),
    tile("Duplicates", count(stats.duplicate), "the same again", { figure: "duplicate" }),
    tile("Stale", count(stats.stale), "older than what is known", { figure: "stale" }),
    tile("Users", count(stats.users), many(stats.movies, "movie"), { figure: "users" }),
    tile("Mean", figure(stats.mean, 2), "stars", { figure: "mean" }),
    tile("RMSE", figure(stats.rmse), `of ${many(stats.predicted, "prediction")}`, { figure: "rmse" }),
  );
}

function course(data, { state, draw }) {
  const { points } = data.course;
  const long = points.length ? points.at(-1).at - points[0].at : 0;
  const seconds = state.seconds ?? RANGES.find((each) => each.value >= long || each.value === 3600).value;
  const choose = (value) => {
    state.seconds = value;
    draw();
  };
  for (const each of [rate, error]) each.show(points, seconds);
  const last = points.at(-1);
  const busy = points.findLast((each) => each.latency_p95_seconds !== null);
  return section(
    "Stream",
    { class: "charts", aside: choice("Time shown", RANGES, seconds, choose) },
    points.length ? h("div", { class: "columns" }, chart(rate), chart(error)) : h("p", { class: "soft" }, "The course begins with what the workers tell on the topic metrics: every 10 s."),
    last ? h("p", { class: "soft below" }, `Until ${moment(last.at)}: ${many(Math.round(last.lag ?? 0), "event")} not yet read.`, busy ? ` A rating was applied ${span(busy.latency_p95_seconds)} after it came, at ${moment(busy.at)} (p95, the slowest worker).` : "") : null,
    data.course_trouble ? h("p", { class: "soft" }, `The topic was not read: ${data.course_trouble}.`) : null,
  );
}

const chart = (made) => h("div", { key: made.title, opaque: true, ref: (node) => node.append(made.element) });

function rules(stats, rejected, events) {
  return section(
    "Rejected by rule",
    { aside: h("span", { class: "soft" }, `${count(rejected)} of ${many(events, "event")}`) },
    table({
      caption: "Rejected events by rule",
      rows: Object.entries(stats.rejected).sort((a, b) => b[1] - a[1]),
      key: ([rule]) => rule,
      columns: [
        { name: "Rule", class: "name", cell: ([rule]) => words(rule) },
        { name: "Events", number: true, cell: ([, value]) => count(value) },
        { name: "Of rejected", number: true, cell: ([, value]) => (value ? share(value, rejected) : "") },
        { name: "Meaning", class: "text", cell: ([rule]) => RULES[rule] ?? "" },
      ],
    }),
    h("p", { class: "soft below" }, "Rejected events are ", h("a", { href: "#/letters" }, "dead letters"), "."),
  );
}

function stars(stats) {
  const rows = Object.entries(stats.by_rating).reverse();
  const most = Math.max(...rows.map(([, value]) => value));
  const all = sum(stats.by_rating);
  return section(
    "Stars",
    { aside: h("span", { class: "soft" }, "current ratings, one of a user and movie") },
    h(
      "div",
      { class: "stars" },
      table({
        caption: "Current ratings by stars",
        rows,
        key: ([name]) => name,
        columns: [
          { name: "Stars", class: "name", cell: ([name]) => named("Stars", name) },
          { name: "", class: "bandcell", cell: ([, value]) => length(value, most) },
          { name: "Ratings", number: true, cell: ([, value]) => count(value) },
          { name: "Share", number: true, cell: ([, value]) => (all ? share(value, all) : NONE) },
        ],
      }),
    ),
  );
}

function windows(data) {
  const columns = data.windows.map((each) => ({ value: each.count, at: each.start / 1000, name: `${moment(each.start / 1000)}, mean ${figure(each.mean, 2)}` }));
  if (!columns.length) return null;
  const first = moment(columns[0].at).slice(0, 10);
  const oneDay = columns.every((each) => moment(each.at).startsWith(first));
  return section(
    "Windows",
    { aside: h("span", { class: "soft" }, `ratings by the ${data.window_seconds === 60 ? "minute" : span(data.window_seconds)} of their own time${oneDay ? `, ${first}` : ""}`) },
    bars({ title: "Ratings by window", columns, unit: "rating", tick: (column) => moment(column.at).slice(oneDay ? 11 : 5, 16) }),
    h("p", { class: "soft below" }, `The newest ${many(columns.length, "window")}, the last with mean ${figure(data.windows.at(-1).mean, 2)}. Out of order ${count(data.stats.out_of_order)}, too late for their window ${count(data.stats.late)}, ahead of time ${count(data.stats.future)}.`),
  );
}

function movies(data) {
  return section(
    "Top movies",
    { aside: h("span", { class: "soft" }, "by their number of ratings") },
    table({
      caption: "Movies with the most ratings",
      rows: data.popular,
      key: (row) => String(row.movieId),
      empty: h("p", { class: "soft" }, "No movie has a rating."),
      columns: [
        { name: "Movie", class: "name", cell: (row) => named("Movie", row.movieId) },
        { name: "Ratings", number: true, cell: (row) => count(row.count) },
        { name: "Mean", number: true, cell: (row) => figure(row.mean, 2) },
        { name: "", class: "bandcell", cell: (row) => length(row.mean, 5) },
        { name: "Newest", number: true, cell: (row) => moment(row.last_timestamp / 1000) },
      ],
    }),
  );
}

function model(data) {
  const { stats } = data;
  return section(
    "Model",
    null,
    facts([
      ["In use", data.model === "means" ? "means: no model is fitted yet (answerloop ratings fit)" : data.model],
      ["Recommended to", `${many(data.users_recommended, "user")}${stats.users ? ` (${share(Math.min(data.users_recommended, stats.users), stats.users)} of those who rated)` : ""}`],
      ["Error", stats.predicted ? `RMSE ${figure(stats.rmse)} stars over ${many(stats.predicted, "prediction")}` : null],
    ]),
  );
}
