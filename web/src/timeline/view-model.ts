import { Store } from "../store";
import { HOUR, MINUTE } from "../time/format";
import { type Limits, type View, clampView, panView, reveal, spanOf, viewOfLast, zoomView } from "./scale";

/** The first view shows all of a young stream, but at most a day and never less than this. */
const FIRST_LIVE_SPAN_MS = 10 * MINUTE;
const FIRST_PAST_SPAN_MS = 2 * MINUTE;
const FIRST_SPAN_MAX_MS = 26 * HOUR;

/** The piece of time on screen, and the rules by which it moves. */
export class TimelineView {
  readonly view: Store<View>;
  private limits: Limits;
  private touched = false;
  private edgeMs: number;

  constructor(limits: Limits) {
    this.limits = limits;
    this.edgeMs = limits.endMs;
    this.view = new Store(viewOfLast(HOUR, limits));
  }

  /** Fits the first view to the footage (null: there is none yet), unless a person has moved it already. */
  fit(firstMs: number | null, lastMs: number | null, live: boolean): void {
    if (this.touched) return;
    if (firstMs === null || lastMs === null) {
      this.view.set(viewOfLast(HOUR, this.limits));
      return;
    }
    const endMs = live ? this.limits.endMs : lastMs;
    const span = Math.max((endMs - firstMs) * 1.08, live ? FIRST_LIVE_SPAN_MS : FIRST_PAST_SPAN_MS);
    const spanMs = Math.min(span, FIRST_SPAN_MAX_MS);
    const middleMs = endMs - (endMs - firstMs) / 2;
    const past = clampView({ startMs: middleMs - spanMs / 2, endMs: middleMs + spanMs / 2 }, this.limits);
    this.view.set(live || span > spanMs ? viewOfLast(spanMs, { ...this.limits, endMs }) : past);
  }

  /** Time goes on: a view that shows the live edge moves along with it. */
  advance(limits: Limits): void {
    const byMs = limits.endMs - this.edgeMs;
    const follows = this.view.value.endMs >= this.edgeMs;
    this.limits = limits;
    this.edgeMs = limits.endMs;
    const view = this.view.value;
    if (follows && byMs > 0) this.view.set(panView(view, byMs, limits));
    else this.view.set(sameOr(view, clampView(view, limits)));
  }

  zoom(factor: number, anchorMs: number): void {
    this.touched = true;
    this.view.set(zoomView(this.view.value, factor, anchorMs, this.limits));
  }

  pan(byMs: number): void {
    this.touched = true;
    this.view.set(panView(this.view.value, byMs, this.limits));
  }

  /** Shows `spanMs` up to the live edge, or around `aroundMs` when that lies before it. */
  showLast(spanMs: number, aroundMs: number | null): void {
    this.touched = true;
    const last = viewOfLast(spanMs, this.limits);
    const inside = aroundMs === null || aroundMs >= last.startMs;
    this.view.set(
      inside ? last : clampView({ startMs: aroundMs - spanMs / 2, endMs: aroundMs + spanMs / 2 }, this.limits),
    );
  }

  reveal(ms: number): void {
    this.view.set(reveal(this.view.value, ms, this.limits));
  }

  get spanMs(): number {
    return spanOf(this.view.value);
  }
}

function sameOr(view: View, next: View): View {
  return next.startMs === view.startMs && next.endMs === view.endMs ? view : next;
}
