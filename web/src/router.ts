import { Store } from "./store";

/** The page the address names. Behind the `#`, so that the server has one page to serve. */
export type Route =
  | { page: "streams" }
  | { page: "stream"; name: string; atMs: number | null }
  | { page: "data" }
  | { page: "data-stream"; name: string }
  | { page: "users" }
  | { page: "user"; name: string }
  | { page: "keys" }
  | { page: "key"; name: string }
  | { page: "audit" };

/** The pages of lists, by what stands first in the address, and those of what is in them. */
const LISTS = { data: ["data", "data-stream"], users: ["users", "user"], keys: ["keys", "key"] } as const;

function isList(first: string | undefined): first is keyof typeof LISTS {
  return first !== undefined && Object.hasOwn(LISTS, first);
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [first, name] = path.split("/");
  if (first === "audit") return { page: "audit" };
  if (isList(first) && !name) return { page: LISTS[first][0] };
  if ((first !== "streams" && !isList(first)) || !name) return { page: "streams" };
  const at = Date.parse(new URLSearchParams(query).get("t") ?? "");
  try {
    if (isList(first)) return { page: LISTS[first][1], name: decodeURIComponent(name) };
    return { page: "stream", name: decodeURIComponent(name), atMs: Number.isNaN(at) ? null : at };
  } catch {
    return { page: "streams" };
  }
}

export function streamHref(name: string, atMs?: number): string {
  const query = atMs === undefined ? "" : `?t=${new Date(Math.round(atMs)).toISOString()}`;
  return `#/streams/${encodeURIComponent(name)}${query}`;
}

export function dataHref(name: string): string {
  return `#/data/${encodeURIComponent(name)}`;
}

export function userHref(name: string): string {
  return `#/users/${encodeURIComponent(name)}`;
}

export function keyHref(id: string): string {
  return `#/keys/${encodeURIComponent(id)}`;
}

export const route = new Store<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export function go(href: string): void {
  location.hash = href;
}
