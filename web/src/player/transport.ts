import type { Store } from "../store";

export interface PlayerError {
  code: string;
  message: string;
}

export interface PlayerState {
  /** `live` while the player follows the live edge. */
  mode: "live" | "past";
  status: "loading" | "playing" | "paused" | "waiting" | "ended" | "failed";
  /** Wall-clock instant (producer's clock) of the picture on screen. */
  instantMs: number | null;
  /** Measured distance of that instant from now, seconds; null while the camera is not live. */
  latencyS: number | null;
  error: PlayerError | null;
  muted: boolean;
  rate: number;
}

export const FIRST_STATE: PlayerState = {
  mode: "past",
  status: "loading",
  instantMs: null,
  latencyS: null,
  error: null,
  muted: true,
  rate: 1,
};

/** What the page needs of a player, be it the video element or stills. */
export interface Transport {
  readonly state: Store<PlayerState>;
  /** Follow the live edge; on a camera that is not live, the newest footage. */
  goLive(): void;
  /** Show an instant; the live edge when it is that close. */
  seek(instantMs: number): void;
  play(): void;
  pause(): void;
  /** One picture forwards or backwards; pauses. */
  step(direction: 1 | -1): void;
  setMuted(muted: boolean): void;
  setRate(rate: number): void;
  destroy(): void;
}
