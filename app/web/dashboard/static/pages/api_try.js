// Trying an operation: a form, the request as a command, and what came back, as it comes.

import { send } from "../api.js";
import { askToken, confirm } from "../dialog.js";
import { h } from "../dom.js";
import { bytes, count, span, visible } from "../format.js";
import { badge, facts, section } from "../parts.js";
import { shown } from "./api_schema.js";

const MOST_SHOWN = 262_144;
const STATUSES = { 2: "pass", 3: "pass", 4: "fail", 5: "dead" };

/** The form of an operation; what it found stays while the page is shown. */
export function tryIt(found, context) {
  const { operation, method } = found;
  const state = (context.state.tried ??= {});
  const content = operation.requestBody?.content["application/json"];
  const names = Object.keys(content?.examples ?? {});
  const chosen = names.includes(context.state["example body"]) ? context.state["example body"] : names[0];
  const submit = (event) => {
    event.preventDefault();
    ask(found, new FormData(event.target), context);
  };
  const change = (event) => {
    state.command = command(request(found, new FormData(event.currentTarget)), operation);
    context.draw();
  };
  return section(
    "Try it",
    { class: "try", aside: h("span", { class: "soft" }, method === "GET" ? "It only reads." : "It changes something on this server: you are asked before.") },
    h(
      "form",
      { key: operation.operationId, onsubmit: submit, oninput: change },
      h("div", { class: "look" }, operation.parameters.map(field)),
      content ? h("label", { key: `body ${chosen}`, class: "field body" }, h("span", null, "Body, JSON"), h("textarea", { name: "body", rows: "8", spellcheck: "false", value: JSON.stringify(content.examples[chosen].value, null, 2) })) : null,
      h(
        "div",
        { class: "filters" },
        h("button", { class: "primary", disabled: Boolean(state.running) }, method === "GET" ? "Send" : "Send …"),
        state.running ? h("button", { type: "button", onclick: () => state.running.abort() }, "Stop") : null,
      ),
    ),
    state.command ? h("div", { class: "below" }, h("h3", null, "As a command"), shown("Command", state.command)) : null,
    state.problem ? h("p", { class: "bad below", role: "alert" }, state.problem) : null,
    state.reply ? reply(state.reply, Boolean(state.running)) : null,
  );
}

function field(parameter) {
  const { name, schema, required } = parameter;
  const common = { name: `${parameter.in} ${name}`, required: Boolean(required) };
  const begins = required || name === "events" ? String(parameter.example ?? "") : ""; // a stream without an end else
  const label = (input) => h("label", { key: common.name, class: "field" }, h("span", null, name, required ? " (needed)" : ""), input);
  const values = schema.type === "boolean" ? ["true", "false"] : schema.enum;
  if (values) return label(h("select", common, h("option", { value: "" }, "–"), values.map((each) => h("option", { value: String(each) }, String(each)))));
  const numeric = schema.type === "integer" || schema.type === "number";
  const bounds = numeric ? { type: "number", min: schema.minimum, max: schema.maximum, step: schema.type === "number" ? "any" : "1" } : { type: "search" };
  return label(h("input", { ...common, ...bounds, value: begins, placeholder: parameter.example === undefined ? null : String(parameter.example), autocomplete: "off", spellcheck: "false" }));
}

/** What the form says: {method, path, headers, body}. Parts that are empty are left out. */
function request({ method, path, operation }, form) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  for (const { name, in: place } of operation.parameters) {
    const value = form.get(`${place} ${name}`) ?? "";
    if (place === "path") filled = filled.replace(`{${name}}`, name === "file" ? encodeURI(value) : encodeURIComponent(value));
    else if (value !== "" && place === "query") query.set(name, value);
    else if (value !== "") headers[name] = value;
  }
  const body = form.get("body");
  if (body !== null) headers["Content-Type"] = "application/json";
  return { method, path: filled + (query.size ? `?${query}` : ""), headers, body };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function command({ method, path, headers, body }, operation) {
  const parts = [`curl ${method === "GET" ? "" : `-X ${method} `}${quoted(location.origin + path)}`];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (operation.security) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body) parts.push(`-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

async function ask(found, form, context) {
  const state = context.state.tried;
  const asked = request(found, form);
  Object.assign(state, { command: command(asked, found.operation), problem: null, reply: null });
  if (asked.body) {
    try {
      JSON.parse(asked.body);
    } catch (error) {
      state.problem = `The body is no JSON: ${error.message}`;
    }
  }
  if (!state.problem && (found.method === "GET" || (await confirm("Send this?", [h("p", null, "It is done on this server, for real."), h("pre", { class: "payload" }, visible(`${asked.method} ${asked.path}\n${asked.body ?? ""}`, true))], "Send")))) {
    await take(asked, state, context);
  }
  context.draw();
}

/** Send, and show what comes until it ends, is stopped, or is too long to show. */
async function take(asked, state, context) {
  const began = performance.now();
  state.running = new AbortController();
  context.draw();
  try {
    const response = await send({ ...asked, signal: state.running.signal }, askToken);
    state.reply = { status: response.status, headers: [...response.headers], seconds: (performance.now() - began) / 1000, text: "", size: 0, cut: false };
    await read(response, state, context);
    state.reply.seconds = (performance.now() - began) / 1000;
  } catch (error) {
    if (error.name !== "AbortError") state.problem = error.message;
  }
  state.running = null;
}

async function read(response, state, context) {
  if (!response.body) return;
  const [reader, decoder] = [response.body.getReader(), new TextDecoder()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    state.reply.size += value.length;
    state.reply.text += decoder.decode(value, { stream: true });
    state.reply.cut = state.reply.text.length > MOST_SHOWN;
    if (state.reply.cut) return reader.cancel();
    context.draw();
  }
}

function reply(found, running) {
  const size = `${found.cut ? "more than " : ""}${bytes(found.size)}`;
  return h(
    "div",
    { class: "below reply", role: "status" },
    h("p", null, badge(STATUSES[String(found.status)[0]] ?? "fail", String(found.status)), ` after ${span(found.seconds)}, ${size}${running ? ", still coming" : ""}`),
    h("details", { class: "folded" }, h("summary", null, `${count(found.headers.length)} headers`), facts(found.headers.map(([name, value]) => [name, visible(value)]))),
    shown("Reply", laidOut(found, running)),
  );
}

function laidOut({ text, cut }, running) {
  if (!running && !cut) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // no JSON: shown as it is
    }
  }
  return text.slice(0, MOST_SHOWN);
}
