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

/** Listens on `element`; the answer stops it. */
export function listen(element: HTMLElement, intentions: Intentions): () => void {
  const pointers = new Map<number, number>();
  let drag: { anchorX: number; selecting: boolean; moved: boolean } | null = null;
  let pinch: { spreadPx: number; centerX: number } | null = null;
  const xOf = (event: MouseEvent) => event.clientX - element.getBoundingClientRect().left;

  const startPinch = () => {
    const [a = 0, b = 0] = [...pointers.values()];
    pinch = { spreadPx: Math.max(20, Math.abs(a - b)), centerX: (a + b) / 2 };
    drag = null;
    intentions.hover(null);
  };

  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    const x = xOf(event);
    pointers.set(event.pointerId, x);
    if (pointers.size === 2) {
      startPinch();
      return;
    }
    const grabbed = intentions.grabbedEdge(x);
    drag = { anchorX: grabbed ?? x, selecting: grabbed !== null || event.shiftKey || intentions.selects(), moved: false };
    if (!drag.selecting) intentions.seek(x, false);
  };

  const onMove = (event: PointerEvent) => {
    const x = xOf(event);
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, x);
    if (pinch && pointers.size === 2) {
      const before = pinch;
      startPinch();
      intentions.pan(before.centerX - pinch.centerX);
      intentions.zoom(before.spreadPx / pinch.spreadPx, pinch.centerX);
      return;
    }
    intentions.hover(x);
    if (!drag) return;
    drag.moved ||= Math.abs(x - drag.anchorX) > CLICK_PX;
    if (drag.selecting && drag.moved) intentions.select(drag.anchorX, x);
    else if (!drag.selecting) intentions.seek(x, false);
  };

  const onUp = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    if (pointers.size < 2) pinch = null;
    if (drag && (!drag.selecting || !drag.moved)) intentions.seek(xOf(event), true);
    drag = null;
    if (event.pointerType !== "mouse") intentions.hover(null);
  };

  const onCancel = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    pinch = null;
    drag = null;
    intentions.hover(null);
  };

  const onLeave = () => {
    if (!drag) intentions.hover(null);
  };

  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) intentions.pan(sideways * unit);
    else intentions.zoom(Math.exp(event.deltaY * unit * WHEEL_ZOOM_PER_PX), xOf(event));
  };

  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerup", onUp);
  element.addEventListener("pointercancel", onCancel);
  element.addEventListener("pointerleave", onLeave);
  // Not passive: the page must not scroll while the timeline zooms.
  element.addEventListener("wheel", onWheel, { passive: false });
  return () => {
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerup", onUp);
    element.removeEventListener("pointercancel", onCancel);
    element.removeEventListener("pointerleave", onLeave);
    element.removeEventListener("wheel", onWheel);
  };
}
