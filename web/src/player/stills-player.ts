import { ApiError } from "../api/error";
import type { Footage } from "../stream/footage";
import { Store } from "../store";
import { SECOND } from "../time/format";
import { recordedFrom } from "../timeline/coverage";
import type { Pictures } from "./pictures";
import { FIRST_STATE, type PlayerState, type Transport } from "./transport";

const TICK_MS = 250;
/** A decoded picture costs the server work: while playing, no more than one per this time. */
const PICTURE_EVERY_MS = 1000;
const LIVE_SNAP_MS = 4 * SECOND;
/** Behind the live edge, so that the fragment asked for is complete. */
const LIVE_BEHIND_MS = 1500;
const WIDTH = 1280;
/** A frame at 25 frames per second. */
const STEP_MS = 40;
/** Footage after a hole may be in another codec. */
const HOLE_MS = 1000;

/** Stands in for the player where the browser cannot decode the stream: pictures made by the server, one a second. */
export class StillsPlayer implements Transport {
  readonly state = new Store<PlayerState>({ ...FIRST_STATE, status: "playing" });
  /** Object URL of the newest picture. */
  readonly picture = new Store<string | null>(null);

  private following = false;
  /** Whether the instant to begin with has been shown. */
  private started = false;
  private lastTickMs = Date.now();
  private lastPictureMs = 0;
  private wanted: AbortController | null = null;
  private readonly ticker: ReturnType<typeof setInterval>;

  constructor(
    private readonly footage: Footage,
    private readonly pictures: Pictures,
    /** Where only some of the past cannot be decoded: lets the player try elsewhere (null: at the live edge). */
    private readonly leave: ((instantMs: number | null) => void) | null = null,
  ) {
    this.ticker = setInterval(() => this.tick(), TICK_MS);
  }

  destroy(): void {
    clearInterval(this.ticker);
    this.wanted?.abort();
  }

  goLive(): void {
    if (this.leave) {
      this.leave(null);
      return;
    }
    this.followLive();
  }

  private followLive(): void {
    this.following = this.footage.isLive;
    const instantMs = this.footage.edgeMs() - LIVE_BEHIND_MS;
    this.state.patch({
      mode: this.following ? "live" : "past",
      status: this.following ? "playing" : "paused",
      instantMs,
      rate: 1,
    });
    this.show(instantMs, "keyframe");
  }

  seek(instantMs: number): void {
    if (this.footage.isLive && this.footage.nowMs() - instantMs < LIVE_SNAP_MS) {
      this.goLive();
      return;
    }
    const wantedMs = recordedFrom(this.footage.coverage.value, instantMs) ?? this.footage.edgeMs() - LIVE_BEHIND_MS;
    if (this.leave && this.started) this.leave(wantedMs);
    else this.showPast(wantedMs);
  }

  private showPast(instantMs: number): void {
    this.following = false;
    this.started = true;
    this.state.patch({ mode: "past", instantMs });
    this.show(instantMs, this.state.value.status === "paused" ? "exact" : "keyframe");
  }

  play(): void {
    this.state.patch({ status: "playing" });
  }

  pause(): void {
    this.following = false;
    this.state.patch({ mode: "past", status: "paused" });
  }

  step(direction: 1 | -1): void {
    this.pause();
    const { instantMs } = this.state.value;
    if (instantMs !== null) this.showPast(instantMs + direction * STEP_MS);
  }

  setMuted(): void {
    // Stills are silent.
  }

  setRate(rate: number): void {
    this.state.patch({ rate: this.following ? 1 : rate });
  }

  private tick(): void {
    const nowMs = Date.now();
    const passedMs = nowMs - this.lastTickMs;
    this.lastTickMs = nowMs;
    const { status, instantMs, rate } = this.state.value;
    if (instantMs === null) return;
    if (status === "playing" || status === "waiting") this.advance(instantMs, passedMs * rate, nowMs);
    const latencyS = this.footage.isLive ? (this.footage.nowMs() - (this.state.value.instantMs ?? 0)) / SECOND : null;
    this.state.patch({ latencyS });
  }

  private advance(instantMs: number, byMs: number, nowMs: number): void {
    const edgeMs = this.footage.edgeMs() - LIVE_BEHIND_MS;
    const nextMs = this.following ? edgeMs : recordedFrom(this.footage.coverage.value, instantMs + byMs);
    if (nextMs === null || nextMs > edgeMs) {
      if (this.footage.isLive) this.goLive();
      else this.state.patch({ status: "ended" });
      return;
    }
    if (this.leave && nextMs - instantMs > byMs + HOLE_MS) {
      this.leave(nextMs);
      return;
    }
    this.state.patch({ instantMs: nextMs });
    if (nowMs - this.lastPictureMs >= PICTURE_EVERY_MS && !this.wanted) this.show(nextMs, "keyframe");
  }

  private show(instantMs: number, mode: "exact" | "keyframe"): void {
    this.wanted?.abort();
    const wanted = new AbortController();
    this.wanted = wanted;
    this.lastPictureMs = Date.now();
    this.pictures
      .get(instantMs, { width: WIDTH, mode }, wanted.signal)
      .then((url) => {
        this.picture.set(url);
        this.state.patch({ error: null });
      })
      .catch((thrown: unknown) => {
        if (wanted.signal.aborted) return;
        const code = thrown instanceof ApiError ? thrown.code : "Picture";
        this.state.patch({ error: { code, message: thrown instanceof Error ? thrown.message : String(thrown) } });
      })
      .finally(() => {
        if (this.wanted === wanted) this.wanted = null;
      });
  }
}
