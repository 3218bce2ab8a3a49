import { Store } from "./store";

/** The page the address names. Behind the `#`, so that the server has one page to serve. */
export type Route =
  | { page: "streams" }
  | { page: "stream"; name: string; atMs: number | null }
  | { page: "data" }
  | { page: "data-stream"; name: string };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [first, name] = path.split("/");
  if (first === "data" && !name) return { page: "data" };
  if ((first !== "streams" && first !== "data") || !name) return { page: "streams" };
  const at = Date.parse(new URLSearchParams(query).get("t") ?? "");
  try {
    if (first === "data") return { page: "data-stream", name: decodeURIComponent(name) };
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

export const route = new Store<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export function go(href: string): void {
  location.hash = href;
}
