import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { VideoInfo } from "../api/types";
import { notify } from "../pieces/notice";
import { RetentionField } from "../pieces/retention-field";
import { go } from "../router";
import { SourceForm } from "../source/settings";
import { bytes } from "../time/format";

interface Props {
  client: Client;
  info: VideoInfo;
  onChanged: () => void;
}

export function Settings({ client, info, onChanged }: Props) {
  return (
    <div class="settings">
      <SourceForm client={client} info={info} onChanged={onChanged} />
      <Retention client={client} info={info} onChanged={onChanged} />
      <Deletion client={client} info={info} />
    </div>
  );
}

function Retention({ client, info, onChanged }: Props) {
  const [hours, setHours] = useState(info.retention_hours);
  const [error, setError] = useState<string | null>(null);
  const shorter = hours < info.retention_hours;
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await client.changeStream(info.name, { retention_hours: hours });
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
      {shorter && <p class="message warning">Footage older than {hours} hours will be deleted within minutes.</p>}
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <button type="submit" class="primary" disabled={!Number.isFinite(hours) || hours === info.retention_hours}>
        Save
      </button>
    </form>
  );
}

function Deletion({ client, info }: Omit<Props, "onChanged">) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string | null>(null);
  const remove = async (event: Event) => {
    event.preventDefault();
    try {
      await client.deleteStream(info.name);
      notify(`${info.name} is deleted.`);
      go("#/");
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <form onSubmit={(event) => void remove(event)} aria-label="Delete the stream">
      <h3>Delete</h3>
      <p>
        Deletes the stream, its keys and all {bytes(info.stored_bytes)} of its footage. Nothing brings them back.
      </p>
      <label>
        <span>
          Type <strong>{info.name}</strong> to confirm
        </span>
        <input
          name="confirm"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <button type="submit" class="danger" disabled={typed !== info.name}>
        Delete {info.name}
      </button>
    </form>
  );
}
