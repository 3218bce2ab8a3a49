import { useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import { PushCommands } from "../commands/push-commands";
import { Dialog } from "../pieces/dialog";
import { RetentionField } from "../pieces/retention-field";
import { State } from "../pieces/state";
import { streamHref } from "../router";
import { SECOND } from "../time/format";

interface Props {
  client: Client;
  onClose: () => void;
  onCreated: () => void;
}

const NAME_PATTERN = "[A-Za-z0-9_.\\-]{1,256}";
const RETENTION_DEFAULT_HOURS = 24;
const LOOK_EVERY_MS = 1.5 * SECOND;

/** Makes a stream, then shows how to push to it and waits for the first chunk. */
export function AddCamera({ client, onClose, onCreated }: Props) {
  const [created, setCreated] = useState<string | null>(null);
  if (created === null) {
    const onDone = (name: string) => {
      setCreated(name);
      onCreated();
    };
    return (
      <Dialog key="create" title="Add camera" onClose={onClose}>
        <CreateForm client={client} onClose={onClose} onDone={onDone} />
      </Dialog>
    );
  }
  return (
    <Dialog key="push" title={`Push to ${created}`} onClose={onClose} wide>
      <FirstChunk client={client} name={created} />
      <PushCommands client={client} stream={created} />
    </Dialog>
  );
}

interface FormProps {
  client: Client;
  onClose: () => void;
  onDone: (name: string) => void;
}

function CreateForm({ client, onClose, onDone }: FormProps) {
  const [name, setName] = useState("");
  const [hours, setHours] = useState(RETENTION_DEFAULT_HOURS);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const info = await client.createStream(name.trim(), { retention_hours: hours });
      onDone(info.name);
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label>
        Name
        <input
          name="stream"
          required
          maxLength={256}
          pattern={NAME_PATTERN}
          title="Letters, digits, dot, dash and underscore"
          autocapitalize="off"
          spellcheck={false}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <small>Letters, digits, dot, dash and underscore.</small>
      </label>
      <RetentionField hours={hours} onHours={setHours} />
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Create
        </button>
      </div>
    </form>
  );
}

/** Waits for the camera, so that a person who pasted a command sees that it worked. */
function FirstChunk({ client, name }: { client: Client; name: string }) {
  const [live, setLive] = useState(false);
  useEffect(() => {
    const look = () => void client.stream(name).then((info) => setLive(info.state === "live"), () => setLive(false));
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, name]);
  return (
    <p class="first-chunk" role="status">
      <State state={live ? "live" : "empty"} />
      {live ? <a href={streamHref(name)}>Open {name}</a> : "Waiting for the first chunk…"}
    </p>
  );
}
