import { useEffect, useState } from "preact/hooks";
import type { Pictures } from "../player/pictures";
import { type Zone, clockTime, dayMonth, duration } from "../time/format";
import { type Coverage, gapAt, isLoss, reasonText, spanAt } from "./coverage";

interface Props {
  x: number;
  width: number;
  ms: number;
  msPerPx: number;
  coverage: Coverage;
  edgeMs: number | null;
  pictures: Pictures;
  zone: Zone;
}

const CARD_WIDTH_PX = 176;
const PICTURE = { width: 320, mode: "keyframe" } as const;
/** The pointer must rest this long before a picture is asked for. */
const REST_MS = 120;
/** The newest footage may not be cut into a fragment yet. */
const EDGE_SLACK_MS = 2500;

/** What is under the pointer: the time, and a picture or the reason why there is none. */
export function HoverCard({ x, width, ms, msPerPx, coverage, edgeMs, pictures, zone }: Props) {
  const gap = gapAt(coverage, ms);
  const future = edgeMs === null || ms > edgeMs;
  const span = spanAt(coverage, ms);
  const recorded = !gap && !future && (span !== null || edgeMs - ms < EDGE_SLACK_MS * 4);
  // Pixels next to each other share a picture: a small move of the hand asks for nothing new.
  const gridMs = Math.max(1000, msPerPx * 6);
  const pictureMs = Math.max(Math.floor(ms / gridMs) * gridMs, span?.start_ms ?? 0);
  const left = Math.min(Math.max(x - CARD_WIDTH_PX / 2, 0), Math.max(0, width - CARD_WIDTH_PX));
  return (
    <div class="hover-card" style={{ left: `${left}px`, width: `${CARD_WIDTH_PX}px` }} aria-hidden="true">
      {recorded && <HoverPicture ms={Math.min(pictureMs, edgeMs - EDGE_SLACK_MS)} pictures={pictures} />}
      {gap && (
        <p class="hover-reason">
          {isLoss(gap) ? `Gap of ${duration(gap.end_ms - gap.start_ms)}` : "Nothing recorded"}: {reasonText(gap.reason)}
        </p>
      )}
      {!gap && !recorded && <p class="hover-reason">{future ? "Not recorded yet" : "Nothing recorded"}</p>}
      <p class="hover-time">
        <span>{dayMonth(ms, zone)}</span> {clockTime(ms, zone)}
      </p>
    </div>
  );
}

function HoverPicture({ ms, pictures }: { ms: number; pictures: Pictures }) {
  const keyMs = Math.ceil(ms / 1000) * 1000;
  const [shown, setShown] = useState<string | null>(null);
  useEffect(() => {
    const known = pictures.peek(keyMs, PICTURE);
    if (known) {
      setShown(known);
      return undefined;
    }
    const wanted = new AbortController();
    const timer = setTimeout(() => {
      pictures.get(keyMs, PICTURE, wanted.signal).then(setShown, () => {
        if (!wanted.signal.aborted) setShown(null);
      });
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      wanted.abort();
    };
  }, [keyMs, pictures]);
  return <div class="hover-picture">{shown && <img src={shown} alt="" />}</div>;
}
