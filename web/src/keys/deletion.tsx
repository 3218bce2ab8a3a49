import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import { Ask } from "../pieces/ask";
import { notify } from "../pieces/notice";
import { type Zone, dateTime } from "../time/format";
import type { KeyProps } from "./key-page";
import { dependents, keyName, named } from "./words";

const DAYS_DEFAULT = 30;

/** Deleting a key destroys what is encrypted under it, so it takes days, and can be called off meanwhile. */
export function KeyDeletion({ kms, read, shownZone, onChanged }: KeyProps & { shownZone: Zone }) {
  const { key, aliases, streams } = read;
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [days, setDays] = useState(DAYS_DEFAULT);
  const cancel = async () => {
    try {
      await kms.cancelDeletion(key.KeyId);
      setError(null);
      notify("The key stays. It is disabled until somebody enables it.");
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  const schedule = async () => {
    await kms.scheduleDeletion(key.KeyId, days);
    onChanged();
  };
  const { now, before } = dependents(streams, key.KeyId);
  const lost = named([...now, ...before]);
  return (
    <section aria-labelledby="deletion-title">
      <h2 id="deletion-title">Deletion</h2>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {key.KeyState === "PendingDeletion" ? (
        <>
          <p class="message warning">
            The key is destroyed on {dateTime((key.DeletionDate ?? 0) * 1000, shownZone)}
            {lost && `, and with it what was written under it to ${lost}`}. Until then nothing can use it.
          </p>
          <button type="button" class="primary" onClick={() => void cancel()}>
            Cancel the deletion
          </button>
        </>
      ) : (
        <button type="button" class="danger" onClick={() => setAsking(true)}>
          Schedule the deletion
        </button>
      )}
      {asking && (
        <Ask
          title="Delete a key"
          action="Schedule the deletion"
          danger
          confirm={keyName(key, aliases)}
          act={schedule}
          onClose={() => setAsking(false)}
        >
          <p>
            The key is of no use at once, as if it was disabled. When the days are over it is destroyed, and everything that is
            encrypted under it with it. <strong>Nothing brings that back</strong>, on this server or from its backups without
            the key.
          </p>
          <p class="message warning">
            {read.streamsError
              ? `Which streams are lost is not known: ${read.streamsError}`
              : lost
                ? `Lost are the records of ${lost} that were written under it.`
                : "No stream depends on it; what clients encrypted with it themselves is lost."}
          </p>
          <label>
            Days until then, 7 to 30
            <input name="days" type="number" min={7} max={30} required value={days} onInput={(event) => setDays(event.currentTarget.valueAsNumber)} />
          </label>
        </Ask>
      )}
    </section>
  );
}
