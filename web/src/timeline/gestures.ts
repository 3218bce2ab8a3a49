// Pointer and wheel events on the timeline as intentions: seek, select, zoom, pan, hover.

export interface Intentions {
  /** A drag that seeks is under way (`done` false) or has ended. */
  seek(x: number, done: boolean): void;
  /** A drag that selects, from its fixed end to the moving one. */
  select(fromX: number, toX: number): void;
  /** Whether a drag from here selects even without the Shift key. */
  selects(): boolean;
  /** Where the other end of the selection is, when `x` is on one of its edges. */
  grabbedEdge(x: number): number | null;
  /** `factor` below one zooms in. */
  zoom(factor: number, x: number): void;
  pan(byPx: number): void;
  /** Null: the pointer has left. */
  hover(x: number | null): void;
}

const WHEEL_ZOOM_PER_PX = 0.0018;
const LINE_PX = 32;
/** A press that moves less than this is a click, even with Shift. */
const CLICK_PX = 3;
const SPREAD_PX_MIN = 20;

/** Listens on `element`; the answer stops it. */
export function listen(element: HTMLElement, intentions: Intentions): () => void {
  const gestures = new Gestures(element, intentions);
  const listening = new AbortController();
  const { signal } = listening;
  element.addEventListener("pointerdown", (event) => gestures.down(event), { signal });
  element.addEventListener("pointermove", (event) => gestures.move(event), { signal });
  element.addEventListener("pointerup", (event) => gestures.up(event), { signal });
  element.addEventListener("pointercancel", (event) => gestures.cancel(event), { signal });
  element.addEventListener("pointerleave", () => gestures.leave(), { signal });
  // Not passive: the page must not scroll while the timeline zooms.
  element.addEventListener("wheel", (event) => gestures.wheel(event), { signal, passive: false });
  return () => listening.abort();
}

class Gestures {
  /** Pressed pointers and where they are. */
  private readonly pointers = new Map<number, number>();
  private drag: { anchorX: number; selecting: boolean; moved: boolean } | null = null;
  private pinch: { spreadPx: number; centerX: number } | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly intentions: Intentions,
  ) {}

  down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    const x = this.xOf(event);
    this.pointers.set(event.pointerId, x);
    if (this.pointers.size === 2) {
      this.drag = null;
      this.pinch = this.measurePinch();
      this.intentions.hover(null);
      return;
    }
    const grabbed = this.intentions.grabbedEdge(x);
    const selecting = grabbed !== null || event.shiftKey || this.intentions.selects();
    this.drag = { anchorX: grabbed ?? x, selecting, moved: false };
    if (!selecting) this.intentions.seek(x, false);
  }

  move(event: PointerEvent): void {
    const x = this.xOf(event);
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, x);
    if (this.pinch && this.pointers.size === 2) {
      const before = this.pinch;
      this.pinch = this.measurePinch();
      this.intentions.pan(before.centerX - this.pinch.centerX);
      this.intentions.zoom(before.spreadPx / this.pinch.spreadPx, this.pinch.centerX);
      return;
    }
    this.intentions.hover(x);
    if (!this.drag) return;
    this.drag.moved ||= Math.abs(x - this.drag.anchorX) > CLICK_PX;
    if (this.drag.selecting && this.drag.moved) this.intentions.select(this.drag.anchorX, x);
    else if (!this.drag.selecting) this.intentions.seek(x, false);
  }

  up(event: PointerEvent): void {
    this.release(event);
    if (this.drag && (!this.drag.selecting || !this.drag.moved)) this.intentions.seek(this.xOf(event), true);
    this.drag = null;
    if (event.pointerType !== "mouse") this.intentions.hover(null);
  }

  cancel(event: PointerEvent): void {
    this.release(event);
    this.drag = null;
    this.intentions.hover(null);
  }

  leave(): void {
    if (!this.drag) this.intentions.hover(null);
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.intentions.pan(sideways * unit);
    else this.intentions.zoom(Math.exp(event.deltaY * unit * WHEEL_ZOOM_PER_PX), this.xOf(event));
  }

  private release(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size < 2) this.pinch = null;
  }

  private measurePinch(): { spreadPx: number; centerX: number } {
    const [a = 0, b = 0] = [...this.pointers.values()];
    return { spreadPx: Math.max(SPREAD_PX_MIN, Math.abs(a - b)), centerX: (a + b) / 2 };
  }

  private xOf(event: MouseEvent): number {
    return event.clientX - this.element.getBoundingClientRect().left;
  }
}
