import { HlsSource, hlsSupported } from "./hls-source";
import { NativeSource } from "./native-source";
import { browserSupport, whyUnplayable } from "./codecs";
import type { OpenSource } from "./video-player";

export type Playback = { kind: "video"; open: OpenSource } | { kind: "stills"; reason: string };

/**
 * How this browser can show a stream of these codecs. hls.js comes first wherever it works: Chromium says "maybe"
 * to native HLS too, but plays it worse.
 */
export function choosePlayback(codecs: string): Playback {
  if (hlsSupported()) {
    const reason = whyUnplayable(codecs, browserSupport());
    return reason === null ? { kind: "video", open: (...args) => new HlsSource(...args) } : { kind: "stills", reason };
  }
  const native = document.createElement("video").canPlayType("application/vnd.apple.mpegurl") !== "";
  if (native) return { kind: "video", open: (...args) => new NativeSource(...args) };
  return { kind: "stills", reason: "This browser can play neither HLS nor Media Source Extensions." };
}
