import { useEffect, useState } from "preact/hooks";
import type { Client, StreamSettings } from "../api/client";
import { describeError, sentence } from "../api/error";
import type { VideoInfo } from "../api/types";
import { PushCommands } from "../commands/push-commands";
import { Dialog } from "../pieces/dialog";
import { RetentionField } from "../pieces/retention-field";
import { State } from "../pieces/state";
import { streamHref } from "../router";
import { EMPTY_DRAFT, type SourceDraft, settingsOf } from "../source/draft";
import { SourceFields } from "../source/fields";
import { ProbeResult, useProbe } from "../source/probe";
import { TestButton } from "../source/settings";
import { stateText } from "../source/words";
import { SECOND } from "../time/format";

interface Props {
  client: Client;
  onClose: () => void;
  onCreated: () => void;
}

type Way = "push" | "pull";

const NAME_PATTERN = "[A-Za-z0-9_.\\-]{1,256}";
const RETENTION_DEFAULT_HOURS = 24;
const LOOK_EVERY_MS = 1.5 * SECOND;
const WAYS: [Way, string, string][] = [
  ["push", "Push", "The camera, or a program beside it, sends to this server."],
  ["pull", "Pull", "This server calls an RTSP camera and calls again when it goes away."],
];

/** Makes a stream, then shows how to push to it, or how the calls for its camera go, and waits for the first chunk. */
export function AddCamera({ client, onClose, onCreated }: Props) {
  const [way, setWay] = useState<Way>("push");
  const [created, setCreated] = useState<string | null>(null);
  // Both kept here: looking at the other way loses nothing that was typed.
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const newStream = useNewStream(client, (name) => {
    setCreated(name);
    onCreated();
  });
  if (created !== null) {
    const title = way === "push" ? `Push to ${created}` : `Calling the camera of ${created}`;
    return (
      <Dialog key="created" title={title} onClose={onClose} wide={way === "push"}>
        <FirstChunk client={client} name={created} />
        {way === "push" ? <PushCommands client={client} stream={created} /> : <Done onClose={onClose} />}
      </Dialog>
    );
  }
  return (
    <Dialog key="create" title="Add camera" onClose={onClose} wide>
      <div class="ways">
        <div class="switch" role="group" aria-label="How the footage gets here">
          {WAYS.map(([id, title]) => (
            <button key={id} type="button" aria-pressed={id === way} onClick={() => setWay(id)}>
              {title}
            </button>
          ))}
        </div>
        <p>{WAYS.find(([id]) => id === way)![2]}</p>
      </div>
      {way === "push" ? (
        <PushForm newStream={newStream} onClose={onClose} />
      ) : (
        <PullForm newStream={newStream} onClose={onClose} client={client} draft={draft} onDraft={setDraft} />
      )}
    </Dialog>
  );
}

interface FormProps {
  newStream: ReturnType<typeof useNewStream>;
  onClose: () => void;
}

function PushForm({ newStream: { error, fields, create }, onClose }: FormProps) {
  return (
    <form onSubmit={(event) => void create(event, {})}>
      {fields.name}
      {fields.retention}
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

interface PullFormProps extends FormProps {
  client: Client;
  draft: SourceDraft;
  onDraft: (draft: SourceDraft) => void;
}

function PullForm({ newStream: { error, fields, create }, onClose, client, draft, onDraft }: PullFormProps) {
  const { tried, run } = useProbe(client, draft, onDraft);
  return (
    <form class="pull" onSubmit={(event) => void create(event, { source: settingsOf(draft) })}>
      <div class="pull-fields">
        {fields.name}
        <SourceFields draft={draft} onDraft={onDraft} />
        {fields.retention}
      </div>
      <ProbeResult tried={tried} />
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <TestButton asking={tried.state === "asking"} onTest={run} />
        <button type="submit" class="primary">
          Save
        </button>
      </div>
    </form>
  );
}

/** Name and retention of a stream to be made, and the making. */
function useNewStream(client: Client, onDone: (name: string) => void) {
  const [name, setName] = useState("");
  const [hours, setHours] = useState(RETENTION_DEFAULT_HOURS);
  const [error, setError] = useState<string | null>(null);
  const create = async (event: Event, settings: StreamSettings) => {
    event.preventDefault();
    try {
      const info = await client.createStream(name.trim(), { retention_hours: hours, ...settings });
      onDone(info.name);
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  const fields = {
    name: <NameField name={name} onName={setName} />,
    retention: <RetentionField hours={hours} onHours={setHours} />,
  };
  return { error, fields, create };
}

function NameField({ name, onName }: { name: string; onName: (name: string) => void }) {
  return (
    <label>
      Name
      <input
        name="stream"
        required
        maxLength={256}
        pattern={NAME_PATTERN}
        title="Letters, digits, dot, dash and underscore"
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
        value={name}
        onInput={(event) => onName(event.currentTarget.value)}
      />
      <small>Letters, digits, dot, dash and underscore.</small>
    </label>
  );
}

/** Waits for the camera, so that a person sees that it worked, or why not. */
function FirstChunk({ client, name }: { client: Client; name: string }) {
  const [info, setInfo] = useState<VideoInfo | null>(null);
  useEffect(() => {
    const look = () => void client.stream(name).then(setInfo, () => setInfo(null));
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, name]);
  const live = info?.state === "live" && info.last_durable !== null;
  const source = info?.source ?? null;
  return (
    <>
      <p class="first-chunk" role="status">
        {(live || !source) && <State state={live ? "live" : "empty"} />}
        {live ? (
          <a href={streamHref(name)}>Open {name}</a>
        ) : source ? (
          stateText(source, Date.now())
        ) : (
          "Waiting for the first chunk…"
        )}
      </p>
      {!live && source?.error && <p class="message error">{sentence(source.error)}</p>}
    </>
  );
}

function Done({ onClose }: { onClose: () => void }) {
  return (
    <div class="actions">
      <button type="button" class="primary" onClick={onClose}>
        Close
      </button>
    </div>
  );
}
