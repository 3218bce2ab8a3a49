import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import { Ask } from "../pieces/ask";
import { notify } from "../pieces/notice";
import { type Zone, dateTime } from "../time/format";
import type { KeyProps } from "./key-page";
import { dependents, named, rotationText } from "./words";

/** Whether the key may be used. */
export function KeyState({ kms, read: { key, streams }, onChanged }: KeyProps) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const set = async (enabled: boolean) => {
    await kms.setEnabled(key.KeyId, enabled);
    notify(enabled ? "The key is enabled." : "The key is disabled.");
    onChanged();
  };
  const enable = () => set(true).then(() => setError(null), (thrown: unknown) => setError(describeError(thrown)));
  const { now, before } = dependents(streams, key.KeyId);
  if (key.KeyState === "PendingDeletion") return null;
  return (
    <section aria-labelledby="state-title">
      <h2 id="state-title">State</h2>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {key.KeyState === "Enabled" ? (
        <button type="button" onClick={() => setAsking(true)}>
          Disable the key
        </button>
      ) : (
        <button type="button" class="primary" onClick={() => void enable()}>
          Enable the key
        </button>
      )}
      {asking && (
        <Ask title="Disable a key" action="Disable it" danger act={() => set(false)} onClose={() => setAsking(false)}>
          <p>
            At once nothing is encrypted or decrypted with it.{" "}
            {now.length > 0 && `Within five minutes ${named(now)} can be neither written to nor read. `}
            {before.length > 0 && `What was written under it to ${named(before)} cannot be read then. `}
            Enabling it again brings everything back.
          </p>
        </Ask>
      )}
    </section>
  );
}

const DAYS_DEFAULT = 365;

/** New versions: of the key itself, not of what is encrypted. */
export function Versions({ kms, read: { key, rotation, rotations }, shownZone, onChanged }: KeyProps & { shownZone: Zone }) {
  const [asking, setAsking] = useState(false);
  const [days, setDays] = useState(rotation.RotationPeriodInDays ?? DAYS_DEFAULT);
  const [error, setError] = useState<string | null>(null);
  const change = async (work: () => Promise<void>, said: string) => {
    try {
      await work();
      setError(null);
      notify(said);
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  const last = rotations.at(-1);
  if (key.KeyState !== "Enabled") return null;
  return (
    <section aria-labelledby="versions-title">
      <h2 id="versions-title">Rotation</h2>
      <p>
        A new version is made {rotationText(rotation)}
        {rotation.NextRotationDate !== undefined && `, next on ${dateTime(rotation.NextRotationDate * 1000, shownZone)}`}.{" "}
        {last
          ? `It was rotated ${rotations.length === 1 ? "once" : `${rotations.length} times, last`} on ${dateTime(last.RotationDate * 1000, shownZone)}.`
          : "It was not rotated yet."}{" "}
        Older versions stay, so what they encrypted still opens.
      </p>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <div class="buttons wrap">
        <button type="button" onClick={() => void change(() => kms.rotate(key.KeyId), "The key has a new version.")}>
          Rotate now
        </button>
        {rotation.KeyRotationEnabled ? (
          <button type="button" onClick={() => void change(() => kms.scheduleRotation(key.KeyId, null), "The key rotates on demand only.")}>
            Stop rotating by itself
          </button>
        ) : (
          <button type="button" onClick={() => setAsking(true)}>
            Rotate by itself
          </button>
        )}
      </div>
      {asking && (
        <Ask
          title="Rotate a key by itself"
          action="Set"
          act={async () => {
            await kms.scheduleRotation(key.KeyId, days);
            onChanged();
          }}
          onClose={() => setAsking(false)}
        >
          <label>
            Days between versions, 90 to 2560
            <input name="days" type="number" min={90} max={2560} required value={days} onInput={(event) => setDays(event.currentTarget.valueAsNumber)} />
          </label>
        </Ask>
      )}
    </section>
  );
}
