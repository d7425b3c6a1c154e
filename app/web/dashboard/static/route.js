// Addresses of the page: #/questions/ID?status=dead

/** Read an address: `page`, `rest` (what follows), `query` (an object). */
export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decoded);
  return { page, rest, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** Make an address; query parts that are empty are left out. */
export function address(page, rest = [], query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const path = [page, ...rest].map(encodeURIComponent).join("/");
  return `#/${path}${set.length ? `?${new URLSearchParams(set)}` : ""}`;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
