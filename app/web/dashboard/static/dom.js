// Descriptions of elements, and the one place that makes them real. Texts become text nodes, never
// markup, and can't turn what stands beside them round; a second render changes only what differs, so focus, selection and scrolling stay.

import { upright } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "open", "selected", "indeterminate"]);
const SAFE_ADDRESS = /^(#|\/(?!\/))/;
const STATE = Symbol("what was rendered");

/** Describe an element: h("p", {class: "soft"}, "text", h("b", null, 3)); null and false are nothing. */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children) };
}

/** Show descriptions inside of an element, in place of what was rendered there before. */
export function render(host, ...children) {
  patchChildren(host, flat(children));
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((each) => each !== null && each !== undefined && each !== false && each !== "")
    .map((each) => (typeof each === "object" ? each : upright(String(each))));
}

function patchChildren(host, wanted) {
  const keyed = new Map();
  for (const node of host.childNodes) {
    if (node[STATE]?.props.key !== undefined) keyed.set(node[STATE].props.key, node);
  }
  let at = host.firstChild;
  for (const want of wanted) {
    const key = want.props?.key;
    const node = key === undefined ? at : keyed.get(key);
    if (node && fits(node, want)) {
      if (node === at) at = at.nextSibling;
      else host.insertBefore(node, at);
      update(node, want);
    } else {
      host.insertBefore(create(want, host.namespaceURI), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function fits(node, want) {
  if (typeof want === "string") return node.nodeType === Node.TEXT_NODE;
  const was = node[STATE];
  return was !== undefined && was.tag === want.tag && was.props.key === want.props.key;
}

function create(want, namespace) {
  if (typeof want === "string") return document.createTextNode(want);
  const inside = want.tag === "svg" || (namespace === SVG && want.tag !== "foreignObject") ? SVG : null;
  const node = inside ? document.createElementNS(SVG, want.tag) : document.createElement(want.tag);
  node[STATE] = { tag: want.tag, props: {}, listeners: {} };
  update(node, want);
  want.props.ref?.(node);
  return node;
}

function update(node, want) {
  if (typeof want === "string") {
    if (node.data !== want) node.data = want;
    return;
  }
  const { props: before, listeners } = node[STATE];
  for (const name of Object.keys(before)) {
    if (!(name in want.props)) set(node, listeners, name, null);
  }
  for (const [name, value] of Object.entries(want.props)) {
    if (before[name] !== value) set(node, listeners, name, value);
  }
  node[STATE] = { tag: want.tag, props: want.props, listeners };
  if (!want.props.opaque) patchChildren(node, want.children);
}

function set(node, listeners, name, value) {
  if (name === "key" || name === "ref" || name === "opaque") return;
  if (name.startsWith("on")) return listen(node, listeners, name.slice(2), value);
  if (name === "vars") {
    for (const [each, of] of Object.entries(value ?? {})) node.style.setProperty(each, of);
  } else if (PROPERTIES.has(name)) {
    node[name] = value ?? (typeof node[name] === "boolean" ? false : "");
  } else if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else {
    if (name === "href" && !SAFE_ADDRESS.test(value)) throw new Error(`an address of another site: ${value}`);
    if (name === "style" || name === "srcdoc" || name === "src") throw new Error(`${name} is not for pages`);
    node.setAttribute(name, value === true ? "" : name === "title" ? upright(value) : value);
  }
}

function listen(node, listeners, type, handler) {
  if (!(type in listeners)) node.addEventListener(type, (event) => listeners[type]?.(event));
  listeners[type] = handler;
}
