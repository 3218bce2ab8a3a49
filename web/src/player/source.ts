import type { PlayerError } from "./transport";

/** A playlist attached to the video element. */
export interface Source {
  readonly kind: "live" | "archive";
  /** Wall-clock instant on screen. */
  instant(): number | null;
  /** Player seconds of an instant; null when the playlist does not hold it. */
  position(instantMs: number): number | null;
  /** Wall-clock end of the playlist. */
  endMs(): number | null;
  /** The playlist is finished, and nothing of it is left to play. */
  atEnd(): boolean;
  /** Player seconds at which to follow the live edge; null when the playlist no longer grows. */
  livePosition(): number | null;
  /** Stops and resumes fetching, for a long pause. */
  pauseLoading(): void;
  resumeLoading(): void;
  destroy(): void;
}

export interface SourceOptions {
  kind: "live" | "archive";
  /** Path of the multivariant playlist. */
  path: string;
  /** Instant to begin at; null: the live edge. */
  startMs: number | null;
  /** A token that is good for the next request. */
  token: () => Promise<string>;
  /** The server refused that token. */
  onTokenRefused: () => void;
  /** Playback cannot go on. `codec`: this browser will never play it. */
  onFailure: (failure: "codec" | "network" | "media", error: PlayerError) => void;
}
