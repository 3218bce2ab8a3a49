import type { PlayerError, PlayerState } from "../player/transport";

/** What tests and the curious may read as `window.kinetoscope`. Reading changes nothing. */
export interface Exposed {
  readonly mode: "live" | "past" | "stills" | null;
  readonly status: PlayerState["status"] | null;
  /** Seconds of the video element; with stills the instant on screen in seconds. */
  readonly currentTime: number;
  readonly instantMs: number | null;
  /** Seconds behind now. */
  readonly latency: number | null;
  readonly error: PlayerError | null;
}

export interface Watched {
  stills: boolean;
  state: PlayerState;
  video: HTMLVideoElement | null;
}

let watched: (() => Watched | null) | null = null;

const exposed: Exposed = Object.freeze({
  get mode() {
    const now = watched?.();
    return now ? (now.stills ? "stills" : now.state.mode) : null;
  },
  get status() {
    return watched?.()?.state.status ?? null;
  },
  get currentTime() {
    const now = watched?.();
    return now?.video?.currentTime ?? (now?.state.instantMs ?? 0) / 1000;
  },
  get instantMs() {
    return watched?.()?.state.instantMs ?? null;
  },
  get latency() {
    return watched?.()?.state.latencyS ?? null;
  },
  get error() {
    return watched?.()?.state.error ?? null;
  },
});

Object.defineProperty(window, "kinetoscope", { value: exposed });

/** Says whose state to show; null when no player is on the page. */
export function expose(source: (() => Watched | null) | null): void {
  watched = source;
}
