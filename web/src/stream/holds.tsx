import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { Hold, VideoInfo } from "../api/types";
import { notify } from "../pieces/notice";
import { type Zone, bytes, clockTime, dateTime } from "../time/format";
import type { Range } from "../timeline/paint";

interface Props {
  client: Client;
  info: VideoInfo;
  zone: Zone;
  onChanged: () => void;
}

/** Holds the marked range, under a name that says when it begins. */
export async function holdRange(client: Client, stream: string, range: Range): Promise<void> {
  const name = `from-${new Date(range.fromMs).toISOString().replace(/[-:]/g, "").replace(/\..*/, "Z")}`;
  try {
    await client.placeHold(stream, name, range.fromMs, range.toMs);
    notify(`Held as ${name}. Settings lists and releases it.`);
  } catch (thrown) {
    notify(describeError(thrown));
  }
}

/** What stays whatever retention says, and what that costs. */
export function Holds({ client, info, zone, onChanged }: Props) {
  const [error, setError] = useState<string | null>(null);
  const release = async (name: string) => {
    try {
      await client.releaseHold(info.name, name);
      setError(null);
      notify(`${name} is released.`);
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <section class="holds" aria-label="Holds">
      <h3>Holds</h3>
      {info.holds.length === 0 && <p>None. Mark a range on the timeline and press Hold: it is not deleted until it is released.</p>}
      {info.oldest_hold && (
        <p>
          <strong>{info.oldest_hold}</strong> keeps {bytes(info.held_bytes)}: what it covers, and all that came after.
        </p>
      )}
      <ul>
        {info.holds.map((each) => (
          <li key={each.name}>
            <span>
              <strong>{each.name}</strong> <small>{covered(each, zone)}</small>
              {each.reason && <small> {each.reason}</small>}
            </span>
            <button type="button" onClick={() => void release(each.name)} aria-label={`Release ${each.name}`}>
              Release
            </button>
          </li>
        ))}
      </ul>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
    </section>
  );
}

function covered({ range }: Hold, zone: Zone): string {
  if (!range) return "everything";
  const arrival = range.clock === "server" ? " by arrival" : "";
  return `${dateTime(range.from_ms, zone)} – ${clockTime(range.to_ms, zone)}${arrival}`;
}
