import { useEffect, useRef, useState } from "preact/hooks";
import type { Pictures } from "../player/pictures";
import { useStore } from "../store";
import { type Zone, clockTime } from "../time/format";
import { gapAt, isLoss, spanAt } from "../timeline/coverage";
import { xOf } from "../timeline/scale";
import type { TimelineView } from "../timeline/view-model";
import type { Footage } from "./footage";

interface Props {
  footage: Footage;
  model: TimelineView;
  pictures: Pictures;
  zone: Zone;
  onSeek: (ms: number) => void;
}

const CELL_PX = 132;
const PICTURE = { width: 320, mode: "keyframe" } as const;
/** A view that is still being moved asks for nothing. */
const REST_MS = 200;

/** Pictures under the timeline, each below its instant. */
export function StillsStrip({ footage, model, pictures, zone, onSeek }: Props) {
  const strip = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const view = useStore(model.view);
  const coverage = useStore(footage.coverage);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(strip.current?.clientWidth ?? 0));
    observer.observe(strip.current!);
    return () => observer.disconnect();
  }, []);
  const cells: { ms: number; x: number; empty: string | null }[] = [];
  if (width > 0) {
    // Steps of whole seconds counted from the epoch: while the view moves along, the pictures stay the same ones.
    const stepMs = Math.ceil(((view.endMs - view.startMs) / width) * CELL_PX * 1e-3) * 1000;
    for (let ms = Math.ceil(view.startMs / stepMs) * stepMs; ms < view.endMs; ms += stepMs) {
      const recorded = spanAt(coverage, ms) !== null;
      const gap = recorded ? null : gapAt(coverage, ms);
      const empty = recorded ? null : gap && isLoss(gap) ? "gap" : "no footage";
      cells.push({ ms, x: xOf(view, width, ms), empty });
    }
  }
  return (
    <div ref={strip} class="strip" role="group" aria-label="Stills along the timeline">
      {cells.map((cell) => (
        <button
          key={cell.ms}
          type="button"
          class="strip-cell"
          style={{ left: `${cell.x - CELL_PX / 2}px`, width: `${CELL_PX - 4}px` }}
          disabled={cell.empty !== null}
          aria-label={`${clockTime(cell.ms, zone)}${cell.empty ? `, ${cell.empty}` : ""}`}
          onClick={() => onSeek(cell.ms)}
        >
          {cell.empty ? <span class="strip-empty">{cell.empty}</span> : <StripPicture ms={cell.ms} pictures={pictures} />}
          <span class="strip-time">{clockTime(cell.ms, zone)}</span>
        </button>
      ))}
    </div>
  );
}

function StripPicture({ ms, pictures }: { ms: number; pictures: Pictures }) {
  const [url, setUrl] = useState<string | null>(() => pictures.peek(ms, PICTURE));
  useEffect(() => {
    const wanted = new AbortController();
    const timer = setTimeout(() => {
      pictures.get(ms, PICTURE, wanted.signal).then(setUrl, () => setUrl(null));
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      wanted.abort();
    };
  }, [ms, pictures]);
  return url ? <img src={url} alt="" /> : <span class="strip-wait" />;
}
