// From the player's own seconds to wall-clock instants and back, by the playlist's program date times.

/** The parts of a playlist entry that the mapping needs; hls.js' fragments have this shape. */
export interface Piece {
  /** Player time, seconds. */
  start: number;
  /** Seconds. */
  duration: number;
  programDateTime: number | null;
}

/** The instant shown at player time `position`; null where the playlist says nothing. */
export function instantAt(pieces: readonly Piece[], position: number): number | null {
  const piece = lastAtOrBefore(pieces, (candidate) => candidate.start <= position) ?? pieces[0];
  if (!piece || piece.programDateTime === null) return null;
  const within = Math.min(Math.max(position - piece.start, 0), piece.duration);
  return piece.programDateTime + within * 1000;
}

/**
 * The player time that shows `instant`. An instant in a hole goes to the piece after the hole; null when the
 * playlist does not reach that far in either direction.
 */
export function positionOf(pieces: readonly Piece[], instant: number): number | null {
  const first = pieces[0];
  if (!first || first.programDateTime === null || instant < first.programDateTime) return null;
  const piece = lastAtOrBefore(pieces, (candidate) => (candidate.programDateTime ?? 0) <= instant);
  if (!piece || piece.programDateTime === null) return null;
  const within = (instant - piece.programDateTime) / 1000;
  if (within < piece.duration) return piece.start + within;
  const next = pieces[pieces.indexOf(piece) + 1];
  return next ? next.start : null;
}

/** Where the last piece ends on the wall clock. */
export function endInstant(pieces: readonly Piece[]): number | null {
  const last = pieces[pieces.length - 1];
  return last && last.programDateTime !== null ? last.programDateTime + last.duration * 1000 : null;
}

function lastAtOrBefore(pieces: readonly Piece[], isBefore: (piece: Piece) => boolean): Piece | null {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(pieces[middle]!)) low = middle + 1;
    else high = middle;
  }
  return pieces[low - 1] ?? null;
}
