import Hls, { type ErrorData, ErrorDetails, ErrorTypes, Events, type HlsConfig, type LevelDetails } from "hls.js/light";
import { describeError, errorFromBody } from "../api/error";
import { browserSupport, whyUnplayable } from "./codecs";
import { endInstant, instantAt, positionOf } from "./mapping";
import { adapt, distanceFromEdge } from "./playlist";
import type { Source, SourceOptions } from "./source";

type LoaderClass = HlsConfig["loader"];

/** Codec trouble found only while playing: no retry will help. */
const CODEC_ERRORS: string[] = [
  ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_ADD_CODEC_ERROR,
];

/** The last frames of a fragment may be shown for longer than the playlist says. */
const END_SLACK_S = 0.5;
/** Less than this much of a change in cadence is jitter. */
const CADENCE_STEP_S = 0.25;

export function hlsSupported(): boolean {
  return Hls.isSupported();
}

/** A playlist played through Media Source Extensions by hls.js. */
export class HlsSource implements Source {
  readonly kind;
  private readonly hls: Hls;
  private distanceS: number | null = null;
  private mediaRecovered = false;
  private held = false;
  /** Which run of segments is played, see adapt(). */
  private anchorMs: number | null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly options: SourceOptions,
  ) {
    this.kind = options.kind;
    this.anchorMs = options.startMs;
    this.hls = new Hls({
      // The segments are fragmented MP4 already: nothing is left for a worker to do.
      enableWorker: false,
      lowLatencyMode: options.kind === "live",
      maxLiveSyncPlaybackRate: options.kind === "live" ? 1.1 : 1,
      liveDurationInfinity: true,
      liveSyncDuration: distanceFromEdge(2),
      backBufferLength: 90,
      maxBufferLength: 20,
      // A small picture would else be fetched ten minutes ahead of someone who may seek away at once.
      maxMaxBufferLength: 40,
      pLoader: this.playlistLoader() as unknown as NonNullable<HlsConfig["pLoader"]>,
      xhrSetup: async (xhr, url) => {
        const token = await options.token();
        xhr.open("GET", url, true);
        xhr.setRequestHeader("Authorization", `Bearer ${token}`);
        xhr.setRequestHeader("X-Requested-With", "kinetoscope");
        // Playlists may be cached for a second, which is long for someone who waits for the next fragment.
        if (url.includes(".m3u8")) xhr.setRequestHeader("Cache-Control", "no-cache");
      },
    });
    this.hls.on(Events.ERROR, (_, data) => this.onError(data));
    this.hls.loadSource(options.path);
    this.hls.attachMedia(video);
  }

  instant(): number | null {
    const details = this.details();
    return details ? instantAt(details.fragments, this.video.currentTime) : null;
  }

  position(instantMs: number): number | null {
    const details = this.details();
    return details ? positionOf(details.fragments, instantMs) : null;
  }

  endMs(): number | null {
    const details = this.details();
    return details ? endInstant(details.fragments) : null;
  }

  atEnd(): boolean {
    const details = this.details();
    return details !== null && !details.live && details.edge - this.video.currentTime < END_SLACK_S;
  }

  livePosition(): number | null {
    return this.details()?.live ? this.hls.liveSyncPosition : null;
  }

  pauseLoading(): void {
    this.held = true;
    this.hls.stopLoad();
  }

  resumeLoading(): void {
    // Starting what is not stopped would throw away what is on its way.
    if (this.held) this.hls.startLoad(this.video.currentTime, true);
    this.held = false;
  }

  destroy(): void {
    this.hls.destroy();
  }

  private details(): LevelDetails | null {
    return this.hls.latestLevelDetails;
  }

  /** hls.js' own loader, with the playlists adapted before hls.js reads them (see playlist.ts). */
  private playlistLoader(): LoaderClass {
    const adapted = (text: string) => this.adapted(text);
    const Base = Hls.DefaultConfig.loader as LoaderClass;
    return class extends Base {
      override load(...[context, config, callbacks]: Parameters<InstanceType<LoaderClass>["load"]>): void {
        const onSuccess: typeof callbacks.onSuccess = (response, ...rest) => {
          if (typeof response.data === "string") response.data = adapted(response.data);
          callbacks.onSuccess(response, ...rest);
        };
        super.load(context, config, { ...callbacks, onSuccess });
      }
    } as LoaderClass;
  }

  private adapted(playlist: string): string {
    const { text, cadenceS, anchorMs } = adapt(playlist, this.anchorMs, this.options.startMs);
    this.anchorMs = anchorMs;
    if (cadenceS !== null) this.onCadence(cadenceS);
    return text;
  }

  private onCadence(seconds: number): void {
    const distanceS = distanceFromEdge(seconds);
    if (this.distanceS !== null && Math.abs(this.distanceS - distanceS) < CADENCE_STEP_S) return;
    this.distanceS = distanceS;
    this.hls.targetLatency = distanceS;
  }

  private onError(data: ErrorData): void {
    if (data.response?.code === 401) this.options.onTokenRefused();
    if (!data.fatal && !CODEC_ERRORS.includes(data.details)) return;
    const error = { code: data.details, message: messageOf(data) };
    if (CODEC_ERRORS.includes(data.details)) {
      // The browser's own message names the codec in the type that it refused.
      const codecs = /codecs="?([^"')]+)/.exec(error.message)?.[1];
      const reason = codecs === undefined ? null : whyUnplayable(codecs, browserSupport());
      this.options.onFailure("codec", { ...error, message: reason ?? `This browser cannot play it: ${error.message}.` });
    } else if (data.type === ErrorTypes.MEDIA_ERROR && !this.mediaRecovered) {
      this.mediaRecovered = true;
      this.hls.recoverMediaError();
    } else {
      this.options.onFailure(data.type === ErrorTypes.NETWORK_ERROR ? "network" : "media", error);
    }
  }
}

/** What the server says, where an answer of its own is behind the failure. */
function messageOf(data: ErrorData): string {
  const request: unknown = data.networkDetails;
  const readable = request instanceof XMLHttpRequest && (request.responseType === "" || request.responseType === "text");
  if (readable && request.status >= 400) return describeError(errorFromBody(request.status, request.responseText));
  return data.error?.message ?? data.reason ?? data.details;
}
