import { useState } from "preact/hooks";
import type { Client, StreamSettings } from "../api/client";
import { describeError } from "../api/error";
import type { VideoInfo, WhenFull } from "../api/types";
import { notify } from "../pieces/notice";
import { RetentionField } from "../pieces/retention-field";

interface Props {
  client: Client;
  info: VideoInfo;
  onChanged: () => void;
}

const GB = 1e9;

/** How much of the stream is kept, and what happens when the disk is full. */
export function Retention({ client, info, onChanged }: Props) {
  const [hours, setHours] = useState(info.retention_hours);
  const [gigabytes, setGigabytes] = useState(info.retention_bytes === null ? Number.NaN : info.retention_bytes / GB);
  const [whenFull, setWhenFull] = useState(info.when_full);
  const [error, setError] = useState<string | null>(null);
  const settings: StreamSettings = {
    retention_hours: hours,
    retention_bytes: Number.isFinite(gigabytes) ? Math.round(gigabytes * GB) : null,
    when_full: whenFull,
  };
  const changed =
    hours !== info.retention_hours || settings.retention_bytes !== info.retention_bytes || whenFull !== info.when_full;
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await client.changeStream(info.name, settings);
      setError(null);
      notify("Saved.");
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <form onSubmit={(event) => void save(event)} aria-label="Retention">
      <h3>Retention</h3>
      <RetentionField hours={hours} onHours={setHours} />
      <label>
        And at most
        <span class="with-unit">
          <input
            type="number"
            name="retention-gigabytes"
            min={0.001}
            step="any"
            placeholder="any amount"
            value={Number.isFinite(gigabytes) ? gigabytes : ""}
            onInput={(event) => setGigabytes(event.currentTarget.valueAsNumber)}
          />
          GB
        </span>
      </label>
      <label>
        When the disk is full
        <select name="when-full" value={whenFull} onChange={(event) => setWhenFull(event.currentTarget.value as WhenFull)}>
          <option value="refuse">take no new footage</option>
          <option value="drop_oldest">delete the oldest footage</option>
        </select>
      </label>
      {losesFootage(settings, info) && <p class="message warning">What is more than that will be deleted within minutes.</p>}
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <button type="submit" class="primary" disabled={!Number.isFinite(hours) || !changed}>
        Save
      </button>
    </form>
  );
}

/** Whether something that is kept today no longer is. */
function losesFootage({ retention_hours: hours = 0, retention_bytes: bytes = null }: StreamSettings, info: VideoInfo): boolean {
  return hours < info.retention_hours || (bytes !== null && bytes < info.stored_bytes);
}
