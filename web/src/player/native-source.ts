import type { Source, SourceOptions } from "./source";

/** The video element of browsers that play HLS themselves, with the playlist's date as a method. */
type DatedVideo = HTMLVideoElement & { getStartDate?: () => Date };

/** Safari's own HLS, for the few devices without Media Source Extensions. */
export class NativeSource implements Source {
  readonly kind;
  private destroyed = false;

  constructor(
    private readonly video: DatedVideo,
    private readonly options: SourceOptions,
  ) {
    this.kind = options.kind;
    video.addEventListener("error", this.onError);
    video.addEventListener("loadedmetadata", this.onMetadata);
    // The element sends no headers of ours, so here the token travels in the address.
    void options.token().then((token) => {
      if (this.destroyed) return;
      const joint = options.path.includes("?") ? "&" : "?";
      video.src = `${options.path}${joint}token=${encodeURIComponent(token)}`;
    });
  }

  instant(): number | null {
    const startMs = this.startMs();
    return startMs === null ? null : startMs + this.video.currentTime * 1000;
  }

  position(instantMs: number): number | null {
    const startMs = this.startMs();
    const { seekable } = this.video;
    if (startMs === null || seekable.length === 0) return null;
    const at = (instantMs - startMs) / 1000;
    return at >= seekable.start(0) && at <= seekable.end(seekable.length - 1) ? at : null;
  }

  endMs(): number | null {
    const startMs = this.startMs();
    return startMs === null ? null : startMs + this.video.duration * 1000;
  }

  atEnd(): boolean {
    return this.video.ended;
  }

  livePosition(): number | null {
    const { seekable } = this.video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : null;
  }

  pauseLoading(): void {
    // The browser decides for itself what a paused element fetches.
  }

  resumeLoading(): void {
    // See pauseLoading.
  }

  destroy(): void {
    this.destroyed = true;
    this.video.removeEventListener("error", this.onError);
    this.video.removeEventListener("loadedmetadata", this.onMetadata);
    this.video.removeAttribute("src");
    this.video.load();
  }

  private readonly onMetadata = () => {
    const position = this.options.startMs === null ? null : this.position(this.options.startMs);
    if (position !== null) this.video.currentTime = position;
  };

  private readonly onError = () => {
    const error = this.video.error;
    const failure = error?.code === MediaError.MEDIA_ERR_NETWORK ? "network" : "media";
    this.options.onFailure(failure, { code: `media${error?.code ?? 0}`, message: error?.message ?? "playback failed" });
  };

  private startMs(): number | null {
    const date = this.video.getStartDate?.();
    return date && !Number.isNaN(date.getTime()) ? date.getTime() : null;
  }
}
