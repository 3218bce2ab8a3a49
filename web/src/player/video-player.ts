import { rfc3339, streamPath, withQuery } from "../api/client";
import type { Footage } from "../stream/footage";
import { Store } from "../store";
import { MINUTE, SECOND } from "../time/format";
import { recordedFrom } from "../timeline/coverage";
import type { Source, SourceOptions } from "./source";
import { FIRST_STATE, type PlayerError, type PlayerState, type Transport } from "./transport";

export type OpenSource = (video: HTMLVideoElement, options: SourceOptions) => Source;

/** How far back the live playlist reaches: within this, seeking needs no other playlist. */
const DVR_MS = 2 * MINUTE;
/** The oldest part of that window is about to slide out; footage that old is played from the archive. */
const DVR_MARGIN_MS = 20 * SECOND;
/** Seeking this close to now means following the live edge. */
const LIVE_SNAP_MS = 4 * SECOND;
/** An archive playlist begins this long before the wanted instant, so that small steps back stay inside of it. */
const LEAD_MS = MINUTE;
const AHEAD_MS = 15 * MINUTE;
/** An archive playlist ends before the fragment that is still growing, so that it is finished from the start. */
const OPEN_FRAGMENT_MS = 12 * SECOND;
/** Following, but this much further behind than meant: jump. */
const FALLEN_BEHIND_S = 6;
const TICK_MS = 200;
/** Stuck at the end for so many ticks means that it is reached. */
const END_TICKS = 3;
/** For the past; the live edge is waited for as long as someone looks. */
const RETRIES_MAX = 8;
const RETRY_AFTER_MS_MAX = 4 * SECOND;
const RETRY_LIVE_MS = SECOND;
const FRAME_S_DEFAULT = 1 / 25;

/**
 * Plays live and past through one video element. The past is a sequence of archive playlists around the wanted
 * instant; when one ends the next is opened, until the live playlist takes over.
 */
export class VideoPlayer implements Transport {
  readonly state = new Store<PlayerState>(FIRST_STATE);

  private source: Source | null = null;
  /** Where we are going while a source is being opened. */
  private targetMs: number | null = null;
  private following = false;
  private wantsPlay = true;
  private retries = 0;
  private endTicks = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly ticker: ReturnType<typeof setInterval>;
  private frameS = FRAME_S_DEFAULT;
  private lastMediaTime = 0;
  private destroyed = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly footage: Footage,
    private readonly openSource: OpenSource,
    private readonly token: { get: () => Promise<string>; refused: () => void },
    /** The browser turned out not to decode this stream. */
    private readonly onUnplayable: (error: PlayerError, instantMs: number | null) => void,
  ) {
    video.muted = true;
    video.addEventListener("canplay", this.onCanPlay);
    video.addEventListener("playing", this.onPlaying);
    video.addEventListener("pause", this.onPause);
    video.addEventListener("seeked", this.onSeeked);
    video.addEventListener("waiting", this.onWaiting);
    video.addEventListener("ended", this.onEnded);
    video.addEventListener("volumechange", this.onVolume);
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    this.watchFrames();
  }

  destroy(): void {
    this.destroyed = true;
    clearInterval(this.ticker);
    clearTimeout(this.retryTimer);
    this.video.removeEventListener("canplay", this.onCanPlay);
    this.video.removeEventListener("playing", this.onPlaying);
    this.video.removeEventListener("pause", this.onPause);
    this.video.removeEventListener("seeked", this.onSeeked);
    this.video.removeEventListener("waiting", this.onWaiting);
    this.video.removeEventListener("ended", this.onEnded);
    this.video.removeEventListener("volumechange", this.onVolume);
    this.source?.destroy();
  }

  goLive(): void {
    clearTimeout(this.retryTimer);
    if (!this.footage.isLive) {
      this.seek(this.footage.edgeMs() - 10 * SECOND);
      return;
    }
    this.following = true;
    this.wantsPlay = true;
    this.setRate(1);
    const position = this.source?.kind === "live" && this.targetMs === null ? this.source.livePosition() : null;
    if (position === null) {
      this.open("live", null);
      return;
    }
    this.source?.resumeLoading();
    this.video.currentTime = position;
    void this.startVideo();
  }

  seek(instantMs: number): void {
    const nowMs = this.footage.nowMs();
    if (this.footage.isLive && nowMs - instantMs < LIVE_SNAP_MS) {
      this.goLive();
      return;
    }
    const recordedMs = recordedFrom(this.footage.coverage.value, instantMs);
    const wantedMs = recordedMs ?? Math.min(instantMs, this.footage.edgeMs() - SECOND);
    this.following = false;
    const position = this.targetMs === null ? (this.source?.position(wantedMs) ?? null) : null;
    if (position === null) {
      this.openAt(wantedMs);
      return;
    }
    // A paused live source fetches nothing, and what is sought may not be here yet.
    this.source?.resumeLoading();
    this.video.currentTime = position;
    this.state.patch({ mode: "past", instantMs: wantedMs });
    if (this.wantsPlay) void this.startVideo();
  }

  play(): void {
    this.wantsPlay = true;
    const { instantMs, status } = this.state.value;
    const tooOld = instantMs !== null && this.footage.nowMs() - instantMs > DVR_MS - DVR_MARGIN_MS;
    if (status === "ended" || status === "failed") {
      if (instantMs === null) this.goLive();
      else this.openAt(instantMs);
    } else if (this.source?.kind === "live" && tooOld && !this.following) {
      // The live window has moved past the picture on screen while we were paused.
      this.openAt(instantMs);
    } else {
      this.source?.resumeLoading();
      void this.startVideo();
    }
  }

  pause(): void {
    this.wantsPlay = false;
    this.following = false;
    this.video.pause();
    if (this.source?.kind === "live") this.source.pauseLoading();
    this.state.patch({ mode: "past", status: "paused" });
  }

  step(direction: 1 | -1): void {
    if (!this.video.paused) this.pause();
    this.source?.resumeLoading();
    this.video.currentTime = Math.max(0, this.video.currentTime + direction * this.frameS);
  }

  setMuted(muted: boolean): void {
    this.video.muted = muted;
  }

  setRate(rate: number): void {
    // At the live edge there is nothing to hurry towards.
    const allowed = this.following ? 1 : rate;
    this.video.defaultPlaybackRate = allowed;
    this.video.playbackRate = allowed;
    this.state.patch({ rate: allowed });
  }

  private openAt(instantMs: number): void {
    this.following = false;
    this.open(this.reachedByLive(instantMs) ? "live" : "archive", instantMs);
  }

  private reachedByLive(instantMs: number): boolean {
    return this.footage.isLive && this.footage.nowMs() - instantMs < DVR_MS - DVR_MARGIN_MS;
  }

  /** Opens a playlist; `instantMs` null follows the live edge. */
  private open(kind: "live" | "archive", instantMs: number | null): void {
    clearTimeout(this.retryTimer);
    this.source?.destroy();
    this.targetMs = instantMs;
    this.endTicks = 0;
    const aroundMs = instantMs ?? this.footage.nowMs();
    const fromMs = aroundMs - LEAD_MS;
    const toMs = this.archiveEndMs(aroundMs);
    const path =
      kind === "live"
        ? withQuery(streamPath(this.footage.name, "/hls/live.m3u8"), { dvr: DVR_MS / SECOND })
        : withQuery(streamPath(this.footage.name, "/hls/archive.m3u8"), { from: rfc3339(fromMs), to: rfc3339(toMs) });
    this.source = this.openSource(this.video, {
      kind,
      path,
      startMs: instantMs,
      token: this.token.get,
      onTokenRefused: this.token.refused,
      onFailure: (failure, error) => this.onFailure(failure, error),
    });
    this.state.patch({
      mode: this.following ? "live" : "past",
      status: "loading",
      error: null,
      ...(instantMs === null ? {} : { instantMs }),
    });
  }

  /** Where an archive playlist around an instant ends: so that it is finished, and so never reloaded, if that can be. */
  private archiveEndMs(aroundMs: number): number {
    const edgeMs = this.footage.edgeMs() - (this.footage.isLive ? OPEN_FRAGMENT_MS : 0);
    const endMs = Math.min(aroundMs + AHEAD_MS, edgeMs);
    // Footage that was pushed faster than real time may reach into the future.
    const nowMs = this.footage.nowMs();
    return aroundMs < nowMs - SECOND ? Math.min(endMs, nowMs) : endMs;
  }

  private async startVideo(): Promise<void> {
    try {
      await this.video.play();
      this.state.patch({ mode: this.following ? "live" : "past" });
    } catch (thrown) {
      // AbortError: another load or a pause came in between, which has its own say.
      if (thrown instanceof DOMException && thrown.name === "NotAllowedError") this.pause();
    }
  }

  private readonly onCanPlay = () => {
    this.retries = 0;
    this.targetMs = null;
    this.video.playbackRate = this.state.value.rate;
    if (this.wantsPlay) void this.startVideo();
    else this.state.patch({ status: "paused" });
  };

  private readonly onPlaying = () => {
    // The instant first: who waits for `playing` must not read where we came from.
    this.tick();
    this.state.patch({ status: "playing", error: null });
  };

  private readonly onSeeked = () => {
    if (!this.wantsPlay && this.source?.kind === "live") this.source.pauseLoading();
  };

  private readonly onPause = () => {
    if (!this.video.ended && this.targetMs === null && !this.wantsPlay) this.state.patch({ status: "paused" });
  };

  private readonly onWaiting = () => {
    if (this.targetMs === null) this.state.patch({ status: "waiting" });
  };

  private readonly onVolume = () => this.state.patch({ muted: this.video.muted });

  private readonly onEnded = () => {
    if (this.following && this.footage.isLive) {
      // The camera came back with other tracks, which are a playlist of their own.
      this.open("live", null);
      return;
    }
    const endMs = this.source?.endMs() ?? this.state.value.instantMs;
    const nextMs = endMs === null ? null : recordedFrom(this.footage.coverage.value, endMs + 50);
    if (nextMs !== null && nextMs < this.footage.edgeMs() - SECOND) this.openAt(nextMs);
    else if (this.footage.isLive) this.goLive();
    else this.state.patch({ status: "ended" });
  };

  private onFailure(failure: "codec" | "network" | "media", error: PlayerError): void {
    if (failure === "codec") {
      this.state.patch({ error });
      this.onUnplayable(error, this.following ? null : (this.targetMs ?? this.state.value.instantMs));
      return;
    }
    if (this.retries >= RETRIES_MAX && !this.following) {
      this.state.patch({ status: "failed", error });
      return;
    }
    // A camera that comes and goes, or a server that restarts: try again where we were, less and less often.
    this.retries += 1;
    this.state.patch({ status: "waiting" });
    const againMs = this.following ? null : (this.targetMs ?? this.state.value.instantMs);
    clearTimeout(this.retryTimer);
    const afterMs = Math.min(SECOND * 2 ** (this.retries - 1), RETRY_AFTER_MS_MAX);
    this.retryTimer = setTimeout(() => {
      if (againMs === null) this.liveAgain();
      else this.openAt(againMs);
    }, afterMs);
  }

  /** After a restart of the server the camera may need a while to come back. */
  private liveAgain(): void {
    if (this.footage.isLive) this.open("live", null);
    else this.retryTimer = setTimeout(() => this.liveAgain(), RETRY_LIVE_MS);
  }

  private tick(): void {
    if (this.targetMs !== null || this.video.readyState === 0) return;
    const instantMs = this.source?.instant() ?? null;
    const latencyS = instantMs !== null && this.footage.isLive ? (this.footage.nowMs() - instantMs) / SECOND : null;
    this.state.patch({ instantMs: instantMs ?? this.state.value.instantMs, latencyS });
    // hls.js does not always tell the browser that the end is reached, for one when there was a small hole before it.
    const stuckAtEnd = this.state.value.status === "waiting" && this.wantsPlay && this.source?.atEnd() === true;
    this.endTicks = stuckAtEnd ? this.endTicks + 1 : 0;
    if (this.endTicks > END_TICKS) {
      this.onEnded();
      return;
    }
    if (!this.following || this.video.paused) return;
    const position = this.source?.livePosition() ?? null;
    if (position !== null && position - this.video.currentTime > FALLEN_BEHIND_S) this.video.currentTime = position;
  }

  /** Learns how long a frame is, for stepping. */
  private watchFrames(): void {
    if (!("requestVideoFrameCallback" in this.video)) return;
    const onFrame = (_: number, frame: { mediaTime: number }) => {
      const lengthS = frame.mediaTime - this.lastMediaTime;
      if (lengthS > 0.005 && lengthS < 0.25) this.frameS = lengthS;
      this.lastMediaTime = frame.mediaTime;
      if (!this.destroyed) this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }
}
