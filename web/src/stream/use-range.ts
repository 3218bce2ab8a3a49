import { useState } from "preact/hooks";
import type { Range } from "../timeline/paint";

/** A mark without its other end makes a range of this length. */
const DEFAULT_MS = 10_000;
const SHORTEST_DEFAULT_MS = 1000;
const RANGE_MIN_MS = 200;

export interface Marks {
  range: Range | null;
  set: (range: Range | null) => void;
  /** `edgeMs`: the end of the footage, beyond which nothing is marked by default. */
  markIn: (ms: number, edgeMs: number) => void;
  markOut: (ms: number) => void;
}

/** The marked range; marking one end beyond the other moves the other along. */
export function useRange(): Marks {
  const [range, set] = useState<Range | null>(null);
  return {
    range,
    set: (next) => set(next && next.toMs - next.fromMs < RANGE_MIN_MS ? null : next),
    markIn: (ms, edgeMs) => {
      const byDefault = Math.max(Math.min(ms + DEFAULT_MS, edgeMs), ms + SHORTEST_DEFAULT_MS);
      const toMs = range && range.toMs > ms + RANGE_MIN_MS ? range.toMs : byDefault;
      set({ fromMs: ms, toMs });
    },
    markOut: (ms) => {
      const fromMs = range && range.fromMs < ms - RANGE_MIN_MS ? range.fromMs : ms - DEFAULT_MS;
      set({ fromMs, toMs: ms });
    },
  };
}
