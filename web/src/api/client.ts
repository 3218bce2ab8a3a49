import { ApiError, errorFromBody } from "./error";
import type {
  Probe,
  RtspView,
  ServerInfo,
  SourceSettings,
  TimelineAnswer,
  TokenAnswer,
  TriedSettings,
  VideoInfo,
  VideoList,
  WhenFull,
} from "./types";

export interface Credentials {
  id: string;
  secret: string;
}

export interface StreamSettings {
  retention_hours?: number;
  /** Null: no bound. */
  retention_bytes?: number | null;
  when_full?: WhenFull;
  attributes?: Record<string, string>;
  /** Null: the stream is only pushed to. */
  source?: SourceSettings | null;
}

type Query = Record<string, string | number | null | undefined>;

const ANSWER_TIMEOUT_MS = 20_000;
const STREAMS_PER_PAGE = 200;
/** Lists longer than this are cut: the page could not show them anyway. */
const STREAMS_MAX = 2_000;

/** Base64 of UTF-8, which `btoa` alone cannot do. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

export function streamPath(name: string, rest = ""): string {
  return `/v1/video/${encodeURIComponent(name)}${rest}`;
}

function holdPath(stream: string, name: string): string {
  return streamPath(stream, `/holds/${encodeURIComponent(name)}`);
}

/** Talks to the server as one signed-in user. */
export class Client {
  private readonly authorization: string;

  constructor(
    readonly credentials: Credentials,
    /** Called when the server no longer accepts the credentials. */
    private readonly onRefused: () => void,
  ) {
    this.authorization = `Basic ${base64(`${credentials.id}:${credentials.secret}`)}`;
  }

  server(): Promise<ServerInfo> {
    return this.json("GET", "/v1/server");
  }

  async streams(): Promise<VideoInfo[]> {
    const all: VideoInfo[] = [];
    let after: string | null = null;
    do {
      const path: string = withQuery("/v1/video", { limit: STREAMS_PER_PAGE, after });
      const page: VideoList = await this.json("GET", path);
      all.push(...page.streams);
      after = page.next;
    } while (after !== null && all.length < STREAMS_MAX);
    return all;
  }

  stream(name: string): Promise<VideoInfo> {
    return this.json("GET", streamPath(name));
  }

  createStream(name: string, settings: StreamSettings): Promise<VideoInfo> {
    return this.json("PUT", streamPath(name), settings);
  }

  changeStream(name: string, settings: StreamSettings): Promise<VideoInfo> {
    return this.json("PATCH", streamPath(name), settings);
  }

  async deleteStream(name: string): Promise<void> {
    await this.request("DELETE", streamPath(name));
  }

  /** Holds a range, by the camera's clock; with a name that is taken, in the stead of that hold. */
  async placeHold(stream: string, name: string, fromMs: number, toMs: number): Promise<void> {
    await this.request("PUT", holdPath(stream, name), { from: rfc3339(fromMs), to: rfc3339(toMs) });
  }

  async releaseHold(stream: string, name: string): Promise<void> {
    await this.request("DELETE", holdPath(stream, name));
  }

  /** Tries a camera without recording it; takes up to a quarter of a minute. */
  probe(source: TriedSettings): Promise<Probe> {
    return this.json("POST", "/v1/sources/probe", source);
  }

  async setCalling(name: string, calling: boolean): Promise<void> {
    await this.request("POST", streamPath(name, calling ? "/source/start" : "/source/stop"));
  }

  rtsp(): Promise<RtspView> {
    return this.json("GET", "/v1/rtsp");
  }

  timeline(name: string, fromMs: number, toMs: number): Promise<TimelineAnswer> {
    return this.json("GET", withQuery(streamPath(name, "/timeline"), { from: rfc3339(fromMs), to: rfc3339(toMs) }));
  }

  token(stream: string, verbs: string[], seconds: number): Promise<TokenAnswer> {
    return this.json("POST", "/v1/tokens", { stream, verbs, expires_in_s: seconds });
  }

  /** One picture; `atMs` null asks for the latest. */
  async picture(name: string, atMs: number | null, options: PictureOptions, signal?: AbortSignal): Promise<Blob> {
    const response = await this.request("GET", picturePath(name, atMs, options), undefined, signal);
    return response.blob();
  }

  /** One operation of those that answer nothing or JSON. */
  async operation<T>(path: string, input: object): Promise<T> {
    const text = await (await this.request("POST", path, input)).text();
    return (text === "" ? {} : JSON.parse(text)) as T;
  }

  /** A request that is answered with JSON. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.request(method, path, body);
    try {
      return (await response.json()) as T;
    } catch {
      throw new ApiError(response.status, "BadAnswer", "the server's answer is not JSON");
    }
  }

  /** A request, which must succeed. A body that is a text goes as it is, any other as JSON. */
  async request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    // X-Requested-With keeps the server from asking for a password with the browser's own dialog.
    const headers: Record<string, string> = {
      Authorization: this.authorization,
      "X-Requested-With": "kinetoscope",
    };
    const init: RequestInit = { method, headers, cache: "no-store" };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = typeof body === "string" ? body : JSON.stringify(body);
    }
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), ANSWER_TIMEOUT_MS);
    const onAbort = () => timeout.abort();
    signal?.addEventListener("abort", onAbort);
    try {
      const response = await fetch(path, { ...init, signal: timeout.signal });
      if (response.ok) return response;
      if (response.status === 401) this.onRefused();
      throw errorFromBody(response.status, await response.text());
    } catch (thrown) {
      if (thrown instanceof ApiError || signal?.aborted) throw thrown;
      throw new ApiError(0, "NoAnswer", "the server does not answer");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

export interface PictureOptions {
  width?: number;
  mode?: "exact" | "keyframe";
}

function picturePath(name: string, atMs: number | null, options: PictureOptions): string {
  const at = atMs === null ? null : rfc3339(atMs);
  return withQuery(streamPath(name, "/frame.jpg"), { at, mode: options.mode, width: options.width });
}

/** An instant as queries take it. */
export function rfc3339(ms: number): string {
  return new Date(Math.round(ms)).toISOString();
}
