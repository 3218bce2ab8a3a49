// How often a live playlist grows, and what follows for the distance from its end.
//
// A playlist's TARGETDURATION is the server's fixed cap (10 s), not the camera's rhythm, and hls.js takes its
// reload interval and its smallest distance from the live edge from it. So for live playlists the player is told
// the longest of the newest segments instead: a camera with one-second fragments then plays about two seconds behind.

const NEWEST = 12;

/** Seconds of the longest of the newest segments; null for a finished playlist or one without segments. */
export function cadenceOf(playlist: string): number | null {
  if (playlist.includes("#EXT-X-ENDLIST") || playlist.includes("#EXT-X-PLAYLIST-TYPE")) return null;
  const lengths = [...playlist.matchAll(/^#EXTINF:([\d.]+)/gm)].slice(-NEWEST).map((match) => Number(match[1]));
  return lengths.length > 0 ? Math.max(...lengths) : null;
}

export function withCadence(playlist: string, seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds - 0.01));
  return playlist.replace(/^#EXT-X-TARGETDURATION:\d+/m, `#EXT-X-TARGETDURATION:${whole}`);
}

/**
 * How far behind the live edge to play, seconds: until the next segment is listed, one cadence passes, half a
 * cadence more if the reload came just too early, and then it must be fetched.
 */
export function distanceFromEdge(cadenceSeconds: number): number {
  return Math.min(30, 1.5 * cadenceSeconds + 0.7);
}
