import { useEffect, useRef } from "preact/hooks";
import type { TimelineView } from "../timeline/view-model";
import type { Footage } from "./footage";

const VIEW_EVERY_MS = 500;
/** The playhead never moves this far by playing between two looks. */
const JUMP_MS = 2000;

/** Keeps the view in step with time, and with a playhead that leaves it. */
export function useTimelineView(footage: Footage, model: TimelineView, playheadMs: number | null): void {
  useEffect(() => {
    const advance = () => model.advance(footage.limits());
    advance();
    const info = footage.info.value;
    model.fit(info?.first_ms ?? null, info?.last_ms ?? null, footage.isLive);
    const timer = setInterval(advance, VIEW_EVERY_MS);
    return () => clearInterval(timer);
  }, [footage, model]);
  const before = useRef<number | null>(null);
  useEffect(() => {
    const { startMs, endMs } = model.view.value;
    const wasShown = before.current !== null && before.current >= startMs && before.current <= endMs;
    const jumped = before.current !== null && playheadMs !== null && Math.abs(playheadMs - before.current) > JUMP_MS;
    // Someone who has moved the view elsewhere on purpose is left there until the playhead jumps.
    if (playheadMs !== null && (wasShown || jumped)) model.reveal(playheadMs);
    before.current = playheadMs;
  }, [model, playheadMs]);
}
