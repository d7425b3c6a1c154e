// The shell: navigation, live controls, and one page at a time.

import { read, Refused } from "./api.js";
import { controls } from "./controls.js";
import { h, render } from "./dom.js";
import { clock } from "./format.js";
import { Live } from "./live.js";
import { PAGES } from "./pages.js";
import { empty } from "./parts.js";
import { address, parse } from "./route.js";
import * as themes from "./theme.js";

const READ_EVERY_SECONDS = 2;

const app = document.getElementById("app");
let shown = null; // the page on screen: {entry, module, route, data, viewed, error, state}
let reading = null;
let readAt = 0;
let links = 0; // how many pages the navigation had when it was drawn last

const live = new Live(() => {
  if (shown?.module && live.status === "live") refresh(false);
  draw();
});

/** What a page gets beside its data. */
const context = {
  live,
  get route() {
    return shown.route;
  },
  /** The address that the data is of: the one before, while a new one is being read. */
  get viewed() {
    return shown.viewed;
  },
  /** Whatever the page wants to remember while it is shown. */
  get state() {
    return shown.state;
  },
  go: (hash) => {
    location.hash = hash;
  },
  draw: () => draw(),
  refresh: () => refresh(true),
};

async function open() {
  const route = parse(location.hash);
  const entry = PAGES.find((each) => each.path === route.page);
  const same = shown && entry && shown.entry === entry && String(shown.route.rest) === String(route.rest);
  reading?.abort();
  shown = { entry, module: same ? shown.module : null, route, data: same ? shown.data : null, viewed: same ? shown.viewed : null, error: null, state: same ? shown.state : {} };
  draw();
  if (!same) {
    window.scrollTo(0, 0);
    reveal();
  }
  if (!entry) return;
  const mine = shown;
  try {
    mine.module ??= (await entry.load()).default;
  } catch (error) {
    mine.error = error;
  }
  if (mine !== shown) return;
  const title = mine.module?.title?.(route) ?? entry.name;
  document.title = `${title} · answerloop`;
  draw();
  await refresh(true);
}

/** On narrow screens the navigation is one line: the page that is shown is to be seen in it. */
function reveal() {
  const at = document.querySelector("nav [aria-current]");
  const line = at?.parentNode;
  if (line) line.scrollLeft = at.offsetLeft - line.offsetLeft - (line.clientWidth - at.offsetWidth) / 2;
}

/** Read the page's view again; `now`: even when it was read a moment ago, or is being read. */
async function refresh(now) {
  const mine = shown;
  const view = mine?.module?.view?.(mine.route) ?? null;
  if (view === null) return;
  const every = Math.max(live.every, mine.module.every ?? READ_EVERY_SECONDS);
  const gone = mine.error?.status >= 400 && mine.error.status < 500; // asking again changes nothing
  const still = mine.data !== null && mine.module.still?.(mine.route);
  if (!now && (gone || still || reading || Date.now() - readAt < every * 1000 - 200)) return;
  reading?.abort();
  const mineOnly = (reading = new AbortController());
  readAt = Date.now();
  try {
    const data = await read(view, mineOnly.signal);
    if (mine !== shown) return;
    Object.assign(mine, { data, viewed: view, error: null });
  } catch (error) {
    if (error.name === "AbortError" || mine !== shown) return;
    mine.error = error;
  } finally {
    if (reading === mineOnly) reading = null;
  }
  draw();
}

function draw() {
  render(
    app,
    h("button", { class: "skip", type: "button", onclick: () => document.getElementById("main").focus() }, "Skip to the content"),
    h(
      "header",
      null,
      h("a", { class: "brand", href: "#/" }, "answerloop"),
      h("nav", { "aria-label": "Pages" }, PAGES.filter(offered).map(link)),
      controls(live, draw),
    ),
    h("main", { id: "main", tabindex: "-1" }, content()),
  );
  const now = PAGES.filter(offered).length;
  if (now !== links) reveal();
  links = now;
}

/** Whether this worker has what the page shows, as far as is known. */
function offered(entry) {
  return !entry.pipeline || entry === shown?.entry || Boolean(live.state?.pipelines.includes(entry.pipeline));
}

function link(entry) {
  const current = entry === shown?.entry;
  return h("a", { key: entry.path, href: address(entry.path), "aria-current": current ? "page" : null }, entry.name);
}

function content() {
  const { entry, module, data, error, route } = shown ?? {};
  if (!shown) return null;
  if (!entry) return [h("h1", null, "No such page"), empty("Nothing is at this address.", "The pages are in the navigation.")];
  const trouble = live.unanswered ? away() : error ? failure(error, data !== null) : null;
  if (!module) return [h("h1", null, entry.name), trouble ?? h("p", { class: "soft" }, "Loading …")];
  const all = module.view?.(route) ?? null ? data : live.state;
  if (all === null) return [h("h1", null, entry.name), trouble ?? h("p", { class: "soft" }, "Loading …")];
  return [trouble, module.render(all, context)];
}

function failure(error, old) {
  const text = error instanceof Refused ? error.message : `The page has a defect: ${error.message}`;
  const code = error.code === "not_in_this_worker" ? "That is elsewhere. " : "";
  return h("div", { class: "alert bad", role: "alert" }, h("b", null, code), text, old ? " What you see is from before." : "");
}

function away() {
  const since = live.seenAt ? `The worker has not answered since ${clock(live.seenAt)}. What you see is from then.` : "The worker does not answer.";
  return h("div", { class: "alert bad", role: "alert" }, h("b", null, "✕ "), since, " It is asked again every few seconds.");
}

themes.apply();
window.addEventListener("hashchange", open);
open();
live.start();
