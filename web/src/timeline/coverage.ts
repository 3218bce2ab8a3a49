// What is recorded and what is missing, as the server tells it piece by piece.
import type { Gap, Span, TimelineAnswer } from "../api/types";

export interface Coverage {
  /** Ordered, not overlapping. */
  spans: Span[];
  /** Ordered, not overlapping. */
  gaps: Gap[];
}

export const NO_COVERAGE: Coverage = { spans: [], gaps: [] };

/** Two spans this close belong together: what is between is rounding, not a hole. */
const SEAM_MS = 2;

/** Puts the server's answer in place of whatever was known of its range. */
export function splice(known: Coverage, answer: TimelineAnswer): Coverage {
  const { from_ms: from, to_ms: to } = answer;
  const spans = [...cutOut(known.spans, from, to), ...answer.spans].sort((a, b) => a.start_ms - b.start_ms);
  const gaps = [...cutOut(known.gaps, from, to), ...answer.gaps].sort((a, b) => a.start_ms - b.start_ms);
  return { spans: joinSpans(spans), gaps: joinGaps(gaps) };
}

/** The pieces that lie outside of from..to; what straddles a border is cut there. */
function cutOut<T extends { start_ms: number; end_ms: number }>(pieces: T[], from: number, to: number): T[] {
  const kept: T[] = [];
  for (const piece of pieces) {
    if (piece.start_ms < from) kept.push({ ...piece, end_ms: Math.min(piece.end_ms, from) });
    if (piece.end_ms > to) kept.push({ ...piece, start_ms: Math.max(piece.start_ms, to) });
  }
  return kept;
}

function joinSpans(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined[joined.length - 1];
    if (last && span.start_ms - last.end_ms <= SEAM_MS) last.end_ms = Math.max(last.end_ms, span.end_ms);
    else joined.push({ start_ms: span.start_ms, end_ms: span.end_ms });
  }
  return joined;
}

function joinGaps(gaps: Gap[]): Gap[] {
  const joined: Gap[] = [];
  for (const gap of gaps) {
    const last = joined[joined.length - 1];
    const touches = last && gap.start_ms - last.end_ms <= SEAM_MS && gap.reason === last.reason;
    if (touches) last.end_ms = Math.max(last.end_ms, gap.end_ms);
    else joined.push({ ...gap });
  }
  return joined;
}

export function spanAt(coverage: Coverage, ms: number): Span | null {
  return coverage.spans.find((span) => span.start_ms <= ms && ms < span.end_ms) ?? null;
}

/** Whether footage is missing that one could expect; time before the recording began is no loss. */
export function isLoss(gap: Gap): boolean {
  return gap.reason !== "retention" && gap.reason !== "not_recorded";
}

export function gapAt(coverage: Coverage, ms: number): Gap | null {
  return coverage.gaps.find((gap) => gap.start_ms <= ms && ms < gap.end_ms) ?? null;
}

/** The first recorded instant at or after `ms`; null when nothing follows. */
export function recordedFrom(coverage: Coverage, ms: number): number | null {
  const span = coverage.spans.find((candidate) => candidate.end_ms > ms);
  return span ? Math.max(span.start_ms, ms) : null;
}

/**
 * The instant that lies `byMs` of footage after (or before) `ms`: holes do not count, so that a step back from the
 * beginning of a span lands before the gap and not in it. Beyond the footage, plain time goes on.
 */
export function stepRecorded(coverage: Coverage, ms: number, byMs: number): number {
  let left = Math.abs(byMs);
  let at = ms;
  const ordered = byMs < 0 ? [...coverage.spans].reverse() : coverage.spans;
  for (const span of ordered) {
    const passed = byMs < 0 ? span.start_ms >= at : span.end_ms <= at;
    if (passed) continue;
    at = byMs < 0 ? Math.min(at, span.end_ms) : Math.max(at, span.start_ms);
    const room = byMs < 0 ? at - span.start_ms : span.end_ms - at;
    if (left <= room) return byMs < 0 ? at - left : at + left;
    left -= room;
    at = byMs < 0 ? span.start_ms : span.end_ms;
  }
  return byMs < 0 ? at : at + left;
}

/** Recorded milliseconds within from..to. */
export function recordedWithin(coverage: Coverage, from: number, to: number): number {
  return coverage.spans.reduce((sum, span) => {
    return sum + Math.max(0, Math.min(span.end_ms, to) - Math.max(span.start_ms, from));
  }, 0);
}

/** Where the gap before (`-1`) or after (`1`) `ms` ends: the instant from which there is something to see again. */
export function neighbourGap(coverage: Coverage, ms: number, direction: 1 | -1): number | null {
  const losses = coverage.gaps.filter(isLoss);
  const ends = losses.map((gap) => gap.end_ms).filter((end) => coverage.spans.some((s) => s.end_ms > end));
  const slackMs = 1500;
  if (direction > 0) return ends.find((end) => end > ms + slackMs) ?? null;
  return ends.reverse().find((end) => end < ms - slackMs) ?? null;
}

const REASONS: Record<string, string> = {
  none: "no reason known",
  camera_disconnected: "the camera was not connected",
  no_data: "the camera sent nothing",
  server_stopped: "the server was shut down",
  server_restarted: "the server was down",
  taken_over: "another publisher took over",
  clock_jump: "the camera's clock jumped",
  codec_changed: "the codec changed",
  bad_media: "the camera sent something that is not media",
  storage_failed: "the footage could not be stored",
  disk_full: "the disk was full",
  media_worker_failed: "the media worker failed",
  retention: "older than what is kept",
  not_recorded: "before the first recording",
};

/** A gap's reason in words; a reason this console does not know is shown as it came. */
export function reasonText(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}
