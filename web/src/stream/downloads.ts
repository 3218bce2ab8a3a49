// Addresses of what can be saved, and the names the files get.
import { rfc3339, streamPath, withQuery } from "../api/client";
import type { Range } from "../timeline/paint";

export interface Download {
  href: string;
  file: string;
}

/** `20261122T140509Z`: sorts, and is a legal file name everywhere. */
function stamp(ms: number): string {
  return `${rfc3339(ms).slice(0, 19).replace(/[-:]/g, "")}Z`;
}

export function clipDownload(stream: string, range: Range, token: string): Download {
  const query = { from: rfc3339(range.fromMs), to: rfc3339(range.toMs), token };
  return {
    href: withQuery(streamPath(stream, "/clip.mp4"), query),
    file: `${stream}_${stamp(range.fromMs)}_${stamp(range.toMs)}.mp4`,
  };
}

/** `fps` null: every key frame. `width` null: as recorded. */
export function framesDownload(
  stream: string,
  range: Range,
  token: string,
  fps: number | null,
  width: number | null,
): Download {
  const sampling = fps === null ? { every: "keyframe" } : { fps };
  const query = { from: rfc3339(range.fromMs), to: rfc3339(range.toMs), ...sampling, width, token };
  return {
    href: withQuery(streamPath(stream, "/frames.tar"), query),
    file: `${stream}_${stamp(range.fromMs)}_${stamp(range.toMs)}.tar`,
  };
}

export function stillDownload(stream: string, atMs: number, token: string): Download {
  const query = { at: rfc3339(atMs), mode: "exact", token };
  return { href: withQuery(streamPath(stream, "/frame.jpg"), query), file: `${stream}_${stamp(atMs)}.jpg` };
}

/** Saves without a link on the page. */
export function startDownload({ href, file }: Download): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = file;
  document.body.append(link);
  link.click();
  link.remove();
}
