import type { Client } from "../api/client";
import { ApiError } from "../api/error";
import type { VideoInfo } from "../api/types";
import { Store } from "../store";
import { DAY, MINUTE, SECOND } from "../time/format";
import { type Coverage, NO_COVERAGE, splice } from "../timeline/coverage";
import type { Limits } from "../timeline/scale";

const INFO_EVERY_MS = 2 * SECOND;
const TIMELINE_EVERY_MS = 4 * SECOND;
/** The whole timeline is read again this often, because retention trims its beginning. */
const WHOLE_EVERY_MS = 5 * MINUTE;
/** Re-read before the end of what is known: the last fragments may have grown or got a reason. */
const OVERLAP_MS = 30 * SECOND;
/** A producer's clock this close to the server's is taken as right, so that latency includes the camera's own delay. */
const CLOCK_TRUST_MS = 30 * SECOND;

/** What is known of one stream: its description, its timeline and its clock, kept fresh by polling. */
export class Footage {
  readonly info = new Store<VideoInfo | null>(null);
  readonly coverage = new Store<Coverage>(NO_COVERAGE);
  /** True once the timeline was asked for, so that seeking knows where there is footage. */
  readonly ready = new Store(false);
  /** Why the description cannot be read right now. */
  readonly error = new Store<ApiError | null>(null);

  /** Local time of the newest description. */
  private infoAtMs = 0;
  /** Server clock minus ours. */
  private skewMs = 0;
  private timelineAtMs = 0;
  private wholeAtMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(
    private readonly client: Client,
    readonly name: string,
  ) {}

  start(): void {
    void this.poll();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Reads the description now, as after a change of settings. */
  async refresh(): Promise<void> {
    const askedMs = Date.now();
    const info = await this.client.stream(this.name);
    this.infoAtMs = Date.now();
    const durable = info.last_durable;
    if (durable) this.skewMs = durable.server_ms + durable.age_ms - (askedMs + this.infoAtMs) / 2;
    this.info.set(info);
    this.error.set(null);
  }

  get isLive(): boolean {
    return this.info.value?.state === "live";
  }

  /** Now on the server's clock, as far as it is known. */
  serverNowMs(): number {
    return Date.now() + this.skewMs;
  }

  /** Now on the producer's clock. */
  nowMs(): number {
    const serverMs = this.serverNowMs();
    const info = this.info.value;
    if (!info?.last_durable || info.last_ms === null || info.state !== "live") return serverMs;
    const producerMs = info.last_ms + info.last_durable.age_ms + (Date.now() - this.infoAtMs);
    return Math.abs(producerMs - serverMs) < CLOCK_TRUST_MS ? serverMs : producerMs;
  }

  /** Where the footage ends: moves with the clock while the camera is live. */
  edgeMs(): number {
    const info = this.info.value;
    if (!info || info.last_ms === null) return this.nowMs();
    if (info.state !== "live") return info.last_ms;
    return Math.min(info.last_ms + (Date.now() - this.infoAtMs), Math.max(this.nowMs(), info.last_ms));
  }

  /** Age of the newest durable chunk, milliseconds; null before there is one. */
  ageMs(): number | null {
    const durable = this.info.value?.last_durable;
    return durable ? durable.age_ms + (Date.now() - this.infoAtMs) : null;
  }

  /** From yesterday, or the oldest footage when that is older, to the live edge. */
  limits(): Limits {
    const info = this.info.value;
    const nowMs = this.nowMs();
    const endMs = info && info.last_ms !== null ? Math.max(nowMs, info.last_ms) : nowMs;
    return { startMs: Math.min(nowMs - DAY, info?.first_ms ?? nowMs), endMs };
  }

  private async poll(): Promise<void> {
    try {
      await this.refresh();
      if (Date.now() - this.timelineAtMs >= TIMELINE_EVERY_MS) await this.readTimeline();
    } catch (thrown) {
      this.error.set(thrown instanceof ApiError ? thrown : new ApiError(0, "Console", String(thrown)));
    }
    if (this.info.value !== null) this.ready.set(true);
    if (!this.stopped) this.timer = setTimeout(() => void this.poll(), INFO_EVERY_MS);
  }

  private async readTimeline(): Promise<void> {
    if (this.info.value?.first_ms == null) return;
    const limits = this.limits();
    const spans = this.coverage.value.spans;
    const knownEnd = spans[spans.length - 1]?.end_ms;
    const whole = knownEnd === undefined || Date.now() - this.wholeAtMs > WHOLE_EVERY_MS;
    const from = whole ? limits.startMs : Math.min(knownEnd, limits.endMs) - OVERLAP_MS;
    const answer = await this.client.timeline(this.name, from, limits.endMs + SECOND);
    this.timelineAtMs = Date.now();
    if (whole) this.wholeAtMs = this.timelineAtMs;
    this.coverage.set(splice(whole ? NO_COVERAGE : this.coverage.value, answer));
  }
}
