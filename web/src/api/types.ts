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
  clock: "arrival" | "prft" | "start" | "media" | "rtcp" | null;
  /** How late the camera's clock (and the way here) is. */
  offset_ms?: number;
  /** How much the camera's media clock has lost since the session began. */
  drift_ms?: number;
  /** How late the camera's own clock is, believed or not; null when it tells none. */
  camera_offset_ms?: number | null;
}

export type Transport = "tcp" | "udp";

/** Where the server calls for a camera, and how that goes. */
export interface Source {
  /** With the password made unreadable; null for who may not know. */
  url: string | null;
  transport: Transport;
  enabled: boolean;
  verify_certificate: boolean;
  state: "stopped" | "connecting" | "recording" | "waiting";
  since_ms: number;
  error: string | null;
  attempts: number;
  next_try_ms: number | null;
  warning: string | null;
}

/** What is sent to make the server call for a camera. */
export interface SourceSettings {
  url: string;
  username?: string;
  password?: string;
  transport?: Transport;
  enabled?: boolean;
  verify_certificate?: boolean;
}

/** A source to be tried. */
export interface TriedSettings extends SourceSettings {
  /** Whose password it is when it is not shown. */
  stream?: string;
}

/** How a camera's packets arrive, while it sends over RTSP. */
export interface Rtp {
  transport: Transport;
  packets: number;
  packets_lost: number;
  packets_dropped: number;
  warning: string | null;
}

/** What a camera said when it was tried. */
export interface Probe {
  tracks: Track[];
  warnings: string[];
  /** A `data:` URL. */
  picture: string | null;
  took_ms: number;
}

/** A camera that was refused at the RTSP door. */
export interface Refused {
  at_ms: number;
  peer: string;
  stream: string | null;
  status: number;
  reason: string;
  times?: number;
}

export interface RtspView {
  listen: string | null;
  refused: Refused[];
}

/** What happens when the disk is full. */
export type WhenFull = "refuse" | "drop_oldest";

/** Footage that stays, whatever retention says, until the hold is released. */
export interface Hold {
  name: string;
  /** Absent: everything, now and later. */
  range?: { from_ms: number; to_ms: number; clock: "producer" | "server" };
  reason: string;
  placed_ms: number;
}

export interface VideoInfo {
  name: string;
  state: StreamState;
  created_ms: number;
  retention_hours: number;
  /** Null: as much as comes within the hours. */
  retention_bytes: number | null;
  when_full: WhenFull;
  holds: Hold[];
  /** The hold that covers the oldest footage, and so decides what stays. */
  oldest_hold: string | null;
  /** Of `stored_bytes`, what stays until it is released. */
  held_bytes: number;
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
  source?: Source | null;
  rtp?: Rtp | null;
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
  /** Where cameras push over RTSP; `listen` is null where they cannot. */
  rtsp?: { listen: string | null; error: string | null; tls: boolean };
}

export interface TokenAnswer {
  token: string;
  /** RFC 3339 or milliseconds since the epoch. */
  expires_at: string | number;
  /** The same as user name and password, for cameras that push over RTSP. */
  rtsp?: { username: string; password: string };
}
