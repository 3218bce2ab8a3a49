// The arithmetic between instants and pixels. A view is the piece of time on screen.
import { DAY, HOUR, MINUTE, SECOND, type Zone, clockTime, dayMonth, shortTime, zoneOffset } from "../time/format";

export interface View {
  startMs: number;
  endMs: number;
}

/** What a view may show: from the oldest footage worth showing to the live edge. */
export interface Limits {
  startMs: number;
  endMs: number;
}

export const SPAN_MIN_MS = 10 * SECOND;
/** Room to the right of the live edge, as a part of the view, so that the edge does not stick to the border. */
const EDGE_ROOM = 0.04;

export function spanOf(view: View): number {
  return view.endMs - view.startMs;
}

export function xOf(view: View, width: number, ms: number): number {
  return ((ms - view.startMs) / spanOf(view)) * width;
}

export function msAt(view: View, width: number, x: number): number {
  return view.startMs + (x / Math.max(1, width)) * spanOf(view);
}

/** The nearest view to `view` that `limits` allow. */
export function clampView(view: View, limits: Limits): View {
  const whole = Math.max(limits.endMs - limits.startMs, SPAN_MIN_MS) / (1 - EDGE_ROOM);
  const span = Math.min(Math.max(spanOf(view), SPAN_MIN_MS), whole);
  const endMax = Math.max(limits.endMs, limits.startMs + SPAN_MIN_MS) + span * EDGE_ROOM;
  const center = (view.startMs + view.endMs) / 2;
  const end = Math.min(Math.max(center + span / 2, limits.startMs + span), endMax);
  return { startMs: end - span, endMs: end };
}

/** Zooms by `factor` (below one: closer), keeping `anchorMs` where it is on screen. */
export function zoomView(view: View, factor: number, anchorMs: number, limits: Limits): View {
  const whole = Math.max(limits.endMs - limits.startMs, SPAN_MIN_MS) / (1 - EDGE_ROOM);
  const span = Math.min(Math.max(spanOf(view) * factor, SPAN_MIN_MS), whole);
  const share = (anchorMs - view.startMs) / spanOf(view);
  const startMs = anchorMs - share * span;
  return clampView({ startMs, endMs: startMs + span }, limits);
}

export function panView(view: View, byMs: number, limits: Limits): View {
  return clampView({ startMs: view.startMs + byMs, endMs: view.endMs + byMs }, limits);
}

/** A view of `spanMs` whose right end is the live edge. */
export function viewOfLast(spanMs: number, limits: Limits): View {
  return clampView({ startMs: limits.endMs - spanMs, endMs: limits.endMs + spanMs * EDGE_ROOM }, limits);
}

/** Centres the view on `ms` when that is outside of it; otherwise leaves it as it is. */
export function reveal(view: View, ms: number, limits: Limits): View {
  if (ms >= view.startMs && ms <= view.endMs) return view;
  return panView(view, ms - (view.startMs + view.endMs) / 2, limits);
}

export interface Tick {
  ms: number;
  label: string;
  /** Midnight, or the first tick of all: carries the date. */
  major: boolean;
}

const STEPS = [
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
]; // prettier-ignore

/** Ticks on round wall-clock times of the zone, at least `gapPx` apart. */
export function ticksOf(view: View, width: number, zone: Zone, gapPx = 72): Tick[] {
  const wanted = (spanOf(view) / Math.max(1, width)) * gapPx;
  const step = STEPS.find((candidate) => candidate >= wanted) ?? STEPS[STEPS.length - 1]!;
  const offset = zoneOffset(view.startMs, zone);
  const ticks: Tick[] = [];
  for (let local = Math.ceil((view.startMs + offset) / step) * step; local - offset <= view.endMs; local += step) {
    const ms = local - offset;
    const midnight = local % DAY === 0;
    const time = step < MINUTE ? clockTime(ms, zone) : shortTime(ms, zone);
    ticks.push({ ms, label: midnight ? dayMonth(ms, zone) : time, major: midnight });
  }
  return ticks;
}
