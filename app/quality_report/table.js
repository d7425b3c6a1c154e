"use strict";
// Sorts, filters and pages the rows. Every text of a row goes into the page by textContent.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { columns, dimensions, page: size } = data;
  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const texts = (row) => [...row.c.filter((_, n) => columns[n][1] === "text"),
    ...row.k.map((card) => card.t)].join("\n").toLowerCase();
  const rows = data.rows.map((row, place) => ({ ...row, place, text: texts(row) }));
  const stateColumn = columns.findIndex((column) => column[1] === "state");
  const rangeColumn = columns.findIndex((column) => column[2]);
  const wanted = { text: "", state: "", low: NaN, high: NaN, group: null };
  const order = { column: -1, down: false };
  let found = rows;
  let start = 0;

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children); // strings become text nodes
    return made;
  };
  const badge = (state) => element("span",
    { class: "badge " + state.replace(/[^A-Za-z0-9_]/g, "").slice(0, 24) }, state.replaceAll("_", " "));
  const digits = (value, kind) => value === null ? "\u2013"
    : kind === "score" ? value.toFixed(3) : String(value);

  function cell(value, kind) {
    if (kind === "score" || kind === "count") return element("td", { class: "number" }, digits(value, kind));
    if (kind === "state") return element("td", {}, badge(value));
    return element("td", {}, element("div", { class: "cut", dir: "auto" }, value));
  }

  const facts = (list) => element("p", { class: "facts" },
    ...list.map(([name, value]) => element("span", {}, name + " ", element("b", {}, value))));

  function opened(row) {
    const cards = row.k.map((card) => element("div", { class: "card" },
      element("div", { class: "head" }, element("b", {}, card.h), card.b ? badge(card.b) : ""),
      facts(card.f), element("div", { class: "said", dir: "auto" }, card.t || "\u2013")));
    return element("tr", { class: "more" }, element("td", { colspan: columns.length },
      element("div", { class: "cards" }, ...cards), facts(row.f)));
  }

  function shown(row) {
    const line = element("tr", { class: "row" },
      ...row.c.map((value, n) => cell(value, columns[n][1])));
    const button = element("button", { type: "button", class: "open", "aria-expanded": "false",
      "aria-label": "show the answers side by side" }, "\u203A");
    line.cells[0].prepend(button);
    const toggle = () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) line.nextElementSibling.remove();
      else line.after(opened(row));
    };
    line.addEventListener("click", () => { if (!String(getSelection())) toggle(); });
    return line;
  }

  function fits(row) {
    const value = rangeColumn < 0 ? null : row.c[rangeColumn];
    return (!wanted.text || row.text.includes(wanted.text))
      && (!wanted.state || row.c[stateColumn] === wanted.state)
      && (Number.isNaN(wanted.low) || (value !== null && value >= wanted.low))
      && (Number.isNaN(wanted.high) || (value !== null && value <= wanted.high))
      && (!wanted.group || row.g[wanted.group[0]] === wanted.group[1]);
  }

  function compare(a, b) {
    const [x, y] = [a.c[order.column], b.c[order.column]];
    if (x === null || y === null) return x === y ? a.place - b.place : x === null ? 1 : -1;
    const by = typeof x === "number" ? x - y : x.localeCompare(y);
    return (order.down ? -by : by) || a.place - b.place;
  }

  function update() {
    found = rows.filter(fits);
    if (order.column >= 0) found.sort(compare);
    start = 0;
    draw();
  }

  function draw() {
    body.replaceChildren(...found.slice(start, start + size).map(shown));
    const end = Math.min(start + size, found.length);
    const of = found.length === rows.length ? `${found.length}` : `${found.length} that fit, of ${rows.length}`;
    status.textContent = found.length ? `${start + 1} to ${end} of ${of}` : `none of ${rows.length} fits`;
    before.disabled = start === 0;
    after.disabled = end >= found.length;
  }

  [...table.tHead.rows[0].cells].forEach((head, n) => {
    const button = element("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      order.down = order.column === n ? !order.down : false;
      order.column = n;
      for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      update();
    });
  });

  const labelled = (name, control) => element("label", {}, element("span", {}, name), control);
  const search = element("input", { type: "search", placeholder: "in questions and answers" });
  search.addEventListener("input", () => { wanted.text = search.value.toLowerCase(); update(); });
  const states = element("select", {}, element("option", { value: "" }, "all"),
    ...[...new Set(rows.map((row) => row.c[stateColumn]))].sort().map((state) =>
      element("option", { value: state }, state.replaceAll("_", " "))));
  states.addEventListener("change", () => { wanted.state = states.value; update(); });
  const choices = [null];
  const group = element("select", {}, element("option", { value: "0" }, "all"));
  for (const [key, title] of Object.entries(dimensions)) {
    const values = [...new Set(rows.map((row) => row.g[key]).filter((value) => value !== undefined))];
    if (!values.length) continue;
    const options = values.sort().map((value) =>
      element("option", { value: String(choices.push([key, value]) - 1) }, value));
    group.append(element("optgroup", { label: title }, ...options));
  }
  group.addEventListener("change", () => { wanted.group = choices[Number(group.value)]; update(); });
  const limit = (name) => {
    const control = element("input", { type: "number", step: "0.01", "aria-label": `${name} score` });
    control.addEventListener("input", () => { wanted[name] = control.valueAsNumber; update(); });
    return control;
  };
  const controls = [labelled("search", search), labelled("state", states)];
  if (choices.length > 1) controls.push(labelled("group", group));
  if (rangeColumn >= 0) controls.push(element("div", { class: "range" },
    element("span", {}, columns[rangeColumn][0] + " from, to"), limit("low"), limit("high")));
  const filters = document.getElementById("filters");
  filters.append(...controls);
  filters.hidden = false;

  const status = element("span", { role: "status", id: "found" });
  const before = element("button", { type: "button", id: "before" }, "\u2039 before");
  const after = element("button", { type: "button", id: "after" }, "after \u203A");
  const turn = (by) => () => { start += by * size; draw(); table.scrollIntoView(); };
  before.addEventListener("click", turn(-1));
  after.addEventListener("click", turn(1));
  table.parentElement.after(element("div", { class: "pager" }, before, status, after));
  document.getElementById("first")?.remove();

  // A group's name leads to its questions.
  for (const name of document.querySelectorAll("[data-group]")) {
    const place = choices.findIndex((choice) => choice
      && choice[0] === name.dataset.group && choice[1] === name.dataset.value);
    if (place < 0) continue;
    const button = element("button", { type: "button", class: "lead" }, name.textContent);
    name.replaceChildren(button);
    button.addEventListener("click", () => {
      group.value = String(place);
      wanted.group = choices[place];
      update();
      filters.scrollIntoView();
    });
  }
  draw();
})();
