import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { sentence } from "../api/error";
import type { Refused } from "../api/types";
import { zone } from "../session";
import { useStore } from "../store";
import { MINUTE, SECOND, clockTime } from "../time/format";

const READ_EVERY_MS = 10 * SECOND;
/** Older ones are nobody's concern any more. */
const SHOWN_MS = 15 * MINUTE;

/** Says which cameras were turned away at the RTSP door lately, and why: they cannot tell by themselves. */
export function Refusals({ client }: { client: Client }) {
  const refused = useRefused(client);
  const shownZone = useStore(zone);
  if (refused.length === 0) return null;
  const newest = refused[0]!;
  const more = refused.length > 1 ? ` and ${refused.length - 1} more` : "";
  return (
    <details class="refusals">
      <summary>
        Refused over RTSP: {newest.stream ?? newest.peer}
        {more}. {sentence(newest.reason)}
      </summary>
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Stream</th>
            <th scope="col">From</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {refused.map((one) => (
            <tr key={`${one.at_ms} ${one.peer} ${one.stream}`}>
              <td class="number">{clockTime(one.at_ms, shownZone)}</td>
              <td>{one.stream ?? "–"}</td>
              <td>{one.peer}</td>
              <td>
                {one.status}: {sentence(one.reason)} {(one.times ?? 1) > 1 && <small>{one.times} times</small>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** Newest first. */
function useRefused(client: Client): Refused[] {
  const [refused, setRefused] = useState<Refused[]>([]);
  useEffect(() => {
    const take = (all: Refused[]) => {
      const recent = all.filter((one) => Date.now() - one.at_ms < SHOWN_MS);
      setRefused(recent.sort((a, b) => b.at_ms - a.at_ms));
    };
    // Who may not manage all streams is not told.
    const read = () => document.hidden || void client.rtsp().then(({ refused: all }) => take(all), () => setRefused([]));
    read();
    const timer = setInterval(read, READ_EVERY_MS);
    return () => clearInterval(timer);
  }, [client]);
  return refused;
}
