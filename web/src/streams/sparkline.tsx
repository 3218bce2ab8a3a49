import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { TimelineAnswer, VideoInfo } from "../api/types";
import { DAY, MINUTE } from "../time/format";
import { recordedWithin } from "../timeline/coverage";

const READ_EVERY_MS = 2 * MINUTE;
const WIDTH = 288;

/** The last 24 hours as a strip: where there is footage, and the share of it in words. */
export function Sparkline({ client, info }: { client: Client; info: VideoInfo }) {
  const [answer, setAnswer] = useState<TimelineAnswer | null>(null);
  useEffect(() => {
    // A picture of the day: when it cannot be read it stays away, the list has the facts.
    const read = () => {
      const now = Date.now();
      client.timeline(info.name, now - DAY, now).then(setAnswer, () => setAnswer(null));
    };
    read();
    const timer = setInterval(read, READ_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, info.name]);
  if (!answer) return <span class="sparkline" />;
  const { from_ms: from, to_ms: to, spans } = answer;
  const x = (ms: number) => ((Math.min(Math.max(ms, from), to) - from) / (to - from)) * WIDTH;
  const percent = (recordedWithin({ spans, gaps: [] }, from, to) / (to - from)) * 100;
  const share = percent > 0 && percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent >= 10 ? 0 : 1)} %`;
  return (
    <span class="sparkline">
      <svg viewBox={`0 0 ${WIDTH} 16`} preserveAspectRatio="none" role="img" aria-label={`${share} of the last 24 hours recorded`}>
        <rect class="track" x="0" y="0" width={WIDTH} height="16" />
        {spans.map((span) => (
          <rect
            key={span.start_ms}
            class="recorded"
            x={x(span.start_ms)}
            y="0"
            width={Math.max(1, x(span.end_ms) - x(span.start_ms))}
            height="16"
          />
        ))}
      </svg>
      <span>{share}</span>
    </span>
  );
}
