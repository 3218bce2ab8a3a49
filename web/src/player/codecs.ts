// Whether this browser can play a stream, decided before the player is attached.

const FAMILIES: [RegExp, string][] = [
  [/^(hvc1|hev1)/, "H.265 (HEVC)"],
  [/^(avc1|avc3)/, "H.264"],
  [/^av01/, "AV1"],
  [/^vp09/, "VP9"],
  [/^mp4a\.40/, "AAC"],
  [/^mp4a/, "MPEG audio"],
  [/^opus$/i, "Opus"],
  [/^flac$/i, "FLAC"],
  [/^(alaw|ulaw)$/, "G.711"],
  [/^(ipcm|lpcm)$/, "PCM"],
];

/** `avc1.64001f` → `H.264`; an unknown one stays as it is. */
export function codecName(codec: string): string {
  return FAMILIES.find(([pattern]) => pattern.test(codec))?.[1] ?? codec;
}

/** `avc1.64001f,mp4a.40.2` → `H.264 + AAC`. */
export function codecNames(codecs: string): string {
  return codecs.split(",").map((codec) => codecName(codec.trim())).join(" + ");
}

/**
 * Null when the browser can play it, otherwise a sentence that says why not. `isSupported` is
 * `MediaSource.isTypeSupported`, or null where there is no MediaSource.
 */
export function whyUnplayable(codecs: string, isSupported: ((type: string) => boolean) | null): string | null {
  if (!isSupported) return "This browser has no MediaSource, which the player needs.";
  if (isSupported(`video/mp4; codecs="${codecs}"`)) return null;
  const refused = codecs.split(",").map((codec) => codec.trim()).filter((codec) => !isSupported(`video/mp4; codecs="${codec}"`));
  const named = (refused.length > 0 ? refused : [codecs]).map((codec) => `${codecName(codec)} (${codec})`).join(" and ");
  return `This browser cannot decode ${named}.`;
}

/** `MediaSource.isTypeSupported` of this browser. */
export function browserSupport(): ((type: string) => boolean) | null {
  const source = window.MediaSource ?? (window as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
  return source ? (type) => source.isTypeSupported(type) : null;
}
