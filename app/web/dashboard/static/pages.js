// The pages, in the order of the navigation. To add one: a module in pages/, and its line here.
//
// A module's default export has
//   title(route)             what the window is called (optional)
//   view(route)              the address of its JSON; null: it is made of the live state alone
//   render(data, context)    descriptions of what it shows (dom.js)
//   every                    seconds between two readings of its JSON, at least (optional: 2)
//   still(route)             whether its JSON is read once, for it does not change (optional)
// `pipeline`: it is in the navigation of workers that run this one.

export const PAGES = [
  { path: "", name: "Overview", load: () => import("./pages/overview.js") },
  { path: "questions", name: "Questions", load: () => import("./pages/questions.js") },
  { path: "retries", name: "Retries", load: () => import("./pages/retries.js") },
  { path: "letters", name: "Dead letters", load: () => import("./pages/letters.js") },
  { path: "topics", name: "Topics", load: () => import("./pages/topics.js") },
  { path: "groups", name: "Groups", load: () => import("./pages/groups.js") },
  { path: "quality", name: "Quality", load: () => import("./pages/quality.js") },
  { path: "ratings", name: "Ratings", pipeline: "ratings", load: () => import("./pages/ratings.js") },
  { path: "system", name: "System", load: () => import("./pages/system.js") },
  { path: "api", name: "API", load: () => import("./pages/api.js") },
];
