// The server's JSON, as it comes over the wire. Every `…_ms` is integer milliseconds since the Unix epoch.

export type StreamState = "live" | "idle" | "empty";

export interface Track {
  kind: "video" | "audio";
  codec: string;
  width?: number;
  height?: number;
  sample_rate?: number;
  channels?: number;
}

export interface LastDurable {
  producer_ms: number;
  server_ms: number;
  /** Age of the chunk when the answer was written. */
  age_ms: number;
  fragment_number: string;
}

export interface Session {
  peer: string;
  since_ms: number;
  /** Where the producer's times come from; null before the first chunk. */
  clock: "arrival" | "prft" | "start" | "media" | null;
  /** How late the camera's clock (and the way here) is. */
  offset_ms?: number;
  /** How much that has grown since the session began. */
  drift_ms?: number;
}

export interface VideoInfo {
  name: string;
  state: StreamState;
  created_ms: number;
  retention_hours: number;
  attributes: Record<string, string>;
  codecs: string | null;
  tracks: Track[];
  width: number | null;
  height: number | null;
  first_ms: number | null;
  /** Producer time at which the last durable chunk ends. */
  last_ms: number | null;
  last_durable: LastDurable | null;
  bitrate_bps: number | null;
  stored_bytes: number;
  fragments: number;
  gap_ms_24h: number;
  session: Session | null;
}

export interface VideoList {
  streams: VideoInfo[];
  next: string | null;
}

export interface Span {
  start_ms: number;
  end_ms: number;
  fragments?: number;
  bytes?: number;
}

export interface Gap {
  start_ms: number;
  end_ms: number;
  reason: string;
}

export interface TimelineAnswer {
  from_ms: number;
  to_ms: number;
  spans: Span[];
  gaps: Gap[];
}

export interface ServerInfo {
  version: string;
  uptime_s: number;
  storage?: { used_bytes: number; free_bytes: number; total_bytes: number };
}

export interface TokenAnswer {
  token: string;
  /** RFC 3339 or milliseconds since the epoch. */
  expires_at: string | number;
}
