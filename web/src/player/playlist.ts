// What is changed in a playlist before hls.js reads it. All are things that hls.js takes from the playlist alone, and
// that we know better:
//
// 1. Rhythm. A playlist's TARGETDURATION is the server's fixed cap (10 s), not the camera's rhythm, and hls.js takes
//    its reload interval and its smallest distance from the live edge from it. Live playlists are given the longest
//    of their newest segments instead: a camera with one-second fragments then plays about three seconds behind.
// 2. Where to begin. Seconds into a playlist are only known with the playlist at hand, as holes take no time in it:
//    EXT-X-START is set to the wanted instant.
// 3. One initialisation at a time. hls.js cannot change the set of tracks in mid-playback, as when a camera comes
//    back without sound. A playlist is cut to the segments that share the MAP of where we are, and ends there; the
//    player then opens the next one.
// 4. The multivariant playlist's CODECS, which name all that a range of time holds: hls.js would refuse the whole for
//    one codec that may not be where we are. What is played is judged by its own initialisation segment.

const NEWEST = 12;

/** A segment: the tags in front of its address (but for MAP) and the address. */
interface Entry {
  lines: string[];
  seconds: number;
  startMs: number | null;
  map: string | null;
}

interface Parsed {
  head: string[];
  entries: Entry[];
  /** Lines after the last segment: parts and hints of a fragment that is still growing. */
  tail: string[];
  ended: boolean;
}

export interface Adapted {
  text: string;
  /** Seconds of the longest of the newest segments; null when the playlist does not grow. */
  cadenceS: number | null;
  /** An instant within the chosen segments, by which to choose the same ones again next time. */
  anchorMs: number | null;
}

/**
 * Adapts a playlist; any other text comes back as it is. In media playlists, `anchorMs` chooses among segments of different MAPs
 * (null: the newest), `startMs` is where to begin (null: as the player sees fit).
 */
export function adapt(playlist: string, anchorMs: number | null, startMs: number | null): Adapted {
  if (!playlist.includes("#EXTINF:") || playlist.includes("#EXT-X-SKIP")) {
    return { text: playlist.replace(/,CODECS="[^"]*"/g, ""), cadenceS: null, anchorMs };
  }
  const parsed = parse(playlist);
  const [from, to] = runAround(parsed.entries, anchorMs);
  const chosen = parsed.entries.slice(from, to);
  const cut = to < parsed.entries.length;
  const ended = parsed.ended || cut;
  const grows = !ended && !playlist.includes("#EXT-X-PLAYLIST-TYPE");
  const cadenceS = grows ? Math.max(...chosen.slice(-NEWEST).map((entry) => entry.seconds)) : null;
  const head = headOf(parsed, from, cadenceS);
  const offset = startMs === null ? null : offsetOf(chosen, startMs);
  const lines = [
    ...head,
    ...(offset === null ? [] : [`#EXT-X-START:TIME-OFFSET=${offset.toFixed(3)},PRECISE=YES`]),
    ...(chosen[0]?.map ? [chosen[0].map] : []),
    ...chosen.flatMap((entry) => entry.lines),
    ...(cut ? [] : parsed.tail),
    ...(ended ? ["#EXT-X-ENDLIST"] : []),
  ];
  return { text: `${lines.join("\n")}\n`, cadenceS, anchorMs: chosen[chosen.length - 1]?.startMs ?? anchorMs };
}

/**
 * How far behind the live edge to play, seconds: until the next segment is listed, one cadence passes, half a
 * cadence more if the reload came just too early, and then it must be fetched.
 */
export function distanceFromEdge(cadenceS: number): number {
  return Math.min(30, 1.5 * cadenceS + 0.7);
}

const HEAD_TAGS = /^#(EXTM3U|EXT-X-(VERSION|TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|PLAYLIST-TYPE|INDEPENDENT-SEGMENTS|START|SERVER-CONTROL|PART-INF|DEFINE|I-FRAMES-ONLY))/;

function parse(playlist: string): Parsed {
  const parsed: Parsed = { head: [], entries: [], tail: [], ended: false };
  let map: string | null = null;
  for (const raw of playlist.split("\n")) {
    const line = raw.trim();
    if (line === "") continue;
    if (line === "#EXT-X-ENDLIST") parsed.ended = true;
    else if (HEAD_TAGS.test(line)) parsed.head.push(line);
    else if (line.startsWith("#EXT-X-MAP:")) map = line;
    else if (line.startsWith("#")) parsed.tail.push(line);
    else {
      const lines = [...parsed.tail, line];
      parsed.entries.push({ lines, seconds: secondsOf(lines), startMs: startOf(lines), map });
      parsed.tail = [];
    }
  }
  return parsed;
}

function valueOf(lines: string[], tag: string): string | null {
  return lines.find((line) => line.startsWith(tag))?.slice(tag.length) ?? null;
}

function secondsOf(lines: string[]): number {
  return Number.parseFloat(valueOf(lines, "#EXTINF:") ?? "0") || 0;
}

function startOf(lines: string[]): number | null {
  const at = Date.parse(valueOf(lines, "#EXT-X-PROGRAM-DATE-TIME:") ?? "");
  return Number.isNaN(at) ? null : at;
}

/** The first segment that ends after the instant; the last one when there is none. */
function indexAt(entries: Entry[], instantMs: number): number {
  const index = entries.findIndex((entry) => entry.startMs !== null && entry.startMs + entry.seconds * 1000 > instantMs);
  return index < 0 ? entries.length - 1 : index;
}

/** Bounds of the segments that share their MAP with the one at `anchorMs`. */
function runAround(entries: Entry[], anchorMs: number | null): [number, number] {
  const at = anchorMs === null ? entries.length - 1 : indexAt(entries, anchorMs);
  let [from, to] = [at, at + 1];
  while (from > 0 && entries[from - 1]?.map === entries[at]?.map) from -= 1;
  while (to < entries.length && entries[to]?.map === entries[at]?.map) to += 1;
  return [from, to];
}

/** Seconds from the beginning of these segments to an instant in or right before one of them. */
function offsetOf(entries: Entry[], instantMs: number): number {
  const index = indexAt(entries, instantMs);
  const before = entries.slice(0, index).reduce((sum, entry) => sum + entry.seconds, 0);
  const entry = entries[index];
  const within = entry?.startMs == null ? 0 : (instantMs - entry.startMs) / 1000;
  return before + Math.min(Math.max(within, 0), Math.max(0, (entry?.seconds ?? 0) - 0.05));
}

/** The head for a playlist whose first `dropped` segments are left out. */
function headOf({ head, entries }: Parsed, dropped: number, cadenceS: number | null): string[] {
  const tagged = (tag: string) => Number(valueOf(head, tag) ?? "0");
  const isBreak = (entry: Entry) => entry.lines.includes("#EXT-X-DISCONTINUITY");
  // The first segment's own break counts as left out once something in front of it is.
  const breaks = dropped === 0 ? 0 : entries.slice(0, dropped + 1).filter(isBreak).length;
  if (dropped > 0 && entries[dropped]) {
    entries[dropped].lines = entries[dropped].lines.filter((line) => line !== "#EXT-X-DISCONTINUITY");
  }
  const sequence = tagged("#EXT-X-MEDIA-SEQUENCE:") + dropped;
  const discontinuity = tagged("#EXT-X-DISCONTINUITY-SEQUENCE:") + breaks;
  const replaced = ["#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-DISCONTINUITY-SEQUENCE:", "#EXT-X-START:"];
  if (cadenceS !== null) replaced.push("#EXT-X-TARGETDURATION:");
  return [
    ...head.filter((line) => !replaced.some((tag) => line.startsWith(tag))),
    ...(cadenceS === null ? [] : [`#EXT-X-TARGETDURATION:${Math.max(1, Math.ceil(cadenceS - 0.01))}`]),
    `#EXT-X-MEDIA-SEQUENCE:${sequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuity}`,
  ];
}
