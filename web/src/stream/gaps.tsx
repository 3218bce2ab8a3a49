import { useStore } from "../store";
import { type Zone, dateTime, duration } from "../time/format";
import { isLoss, reasonText } from "../timeline/coverage";
import type { Footage } from "./footage";

const SHOWN_MAX = 200;
const BEFORE_MS = 5000;

/** The holes of the recording as a list: what the timeline shows as hatching. */
export function Gaps({ footage, zone, onSeek }: { footage: Footage; zone: Zone; onSeek: (ms: number) => void }) {
  const gaps = useStore(footage.coverage).gaps.filter(isLoss);
  if (gaps.length === 0) return <p class="message">No gaps: everything between the first and the last picture is there.</p>;
  const newest = gaps.reverse().slice(0, SHOWN_MAX);
  return (
    <table class="gaps">
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col" class="number">
            Length
          </th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {newest.map((gap) => (
          <tr key={gap.start_ms}>
            <td>
              <button type="button" class="quiet figures" title="Play what came just before" onClick={() => onSeek(gap.start_ms - BEFORE_MS)}>
                {dateTime(gap.start_ms, zone)}
              </button>
            </td>
            <td class="number">{duration(gap.end_ms - gap.start_ms)}</td>
            <td>{reasonText(gap.reason)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
