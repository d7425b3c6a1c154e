// Asking the server: views are read by anybody who may see the page; what acts needs the token.

const TOKEN = "answerloop-token";

/** What the server refused, with its words. `status` 0: it was not reached. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** Return a view's JSON. */
export const read = (path, signal) => ask(path, { signal });

/** Send any request, and return the response as it is. The token is asked for as in `act`. */
export async function send({ method, path, headers, body, signal }, askToken) {
  for (let wrong = false; ; wrong = true) {
    const token = method === "GET" ? null : sessionStorage.getItem(TOKEN);
    const all = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
    const response = await fetch(path, { method, headers: all, body, signal, cache: "no-store", credentials: "omit" }).catch((error) => {
      throw error.name === "AbortError" ? error : new Refused(0, "unreachable", "The server can't be reached.");
    });
    const given = response.status === 401 ? await askToken(wrong || Boolean(token)) : null;
    if (!given) return response;
    sessionStorage.setItem(TOKEN, given);
  }
}

/** Do something. `askToken()` gives the token once the server wants it, or null: given up. */
export async function act(path, body, askToken) {
  for (let wrong = false; ; wrong = true) {
    const token = sessionStorage.getItem(TOKEN);
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    try {
      return await ask(path, { method: "POST", headers, body: JSON.stringify(body) });
    } catch (error) {
      if (error.status !== 401) throw error;
      const given = await askToken(wrong || Boolean(token));
      if (!given) throw error;
      sessionStorage.setItem(TOKEN, given);
    }
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "unreachable", "The server can't be reached.");
  }
  const found = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return {};
  });
  if (response.ok) return found;
  const { code = "error", message = response.statusText } = found.error ?? {};
  throw new Refused(response.status, code, message);
}

/** A query string of what is set: query({status: "dead", q: ""}) -> "?status=dead" */
export function query(parts) {
  const set = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `?${new URLSearchParams(set)}` : "";
}
