import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { Source, SourceSettings, VideoInfo } from "../api/types";
import { notify } from "../pieces/notice";
import { EMPTY_DRAFT, draftOf, settingsOf } from "./draft";
import { SourceFields } from "./fields";
import { ProbeResult, useProbe } from "./probe";

interface Props {
  client: Client;
  info: VideoInfo;
  onChanged: () => void;
}

/** Says where the stream's camera is to be called for. */
export function SourceForm({ client, info, onChanged }: Props) {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const source = info.source ?? null;
  const save = async (settings: SourceSettings | null) => {
    try {
      await client.changeStream(info.name, { source: settings });
      setError(null);
      setOpen(false);
      notify(settings ? "Saved. The camera is being called." : "Removed.");
      onChanged();
    } catch (thrown) {
      setError(describeError(thrown));
    }
  };
  return (
    <section class="source-settings" aria-label="Camera">
      <h3>Camera</h3>
      <p>
        {source ? (
          <>
            The server calls {source.url ? <code>{source.url}</code> : "a camera"} over {source.transport.toUpperCase()}.
          </>
        ) : (
          "The stream is pushed to. The server can call an RTSP camera instead."
        )}
      </p>
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      {open ? (
        <Changing client={client} stream={info.name} source={source} onSave={(settings) => void save(settings)} onCancel={() => setOpen(false)} />
      ) : (
        <div class="buttons">
          <button type="button" onClick={() => setOpen(true)}>
            {source ? "Change" : "Set a camera"}
          </button>
          {source && (
            <button type="button" class="danger" onClick={() => void save(null)}>
              Remove
            </button>
          )}
        </div>
      )}
    </section>
  );
}

interface ChangingProps {
  client: Client;
  stream: string;
  source: Source | null;
  onSave: (settings: SourceSettings) => void;
  onCancel: () => void;
}

function Changing({ client, stream, source, onSave, onCancel }: ChangingProps) {
  const [draft, setDraft] = useState(source ? draftOf(stream, source) : EMPTY_DRAFT);
  const { tried, run } = useProbe(client, draft, setDraft);
  const submit = (event: Event) => {
    event.preventDefault();
    onSave(settingsOf(draft));
  };
  return (
    <form onSubmit={submit} class="source-form" aria-label="The camera's address">
      <SourceFields draft={draft} onDraft={setDraft} />
      {tried.state !== "none" && <ProbeResult tried={tried} />}
      <div class="actions">
        <button type="button" onClick={onCancel}>
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

/** Tests the address of the form it stands in, if that is complete. */
export function TestButton({ asking, onTest }: { asking: boolean; onTest: () => void }) {
  const onClick = (event: MouseEvent) => {
    const form = (event.currentTarget as HTMLButtonElement).form;
    const url = form?.querySelector<HTMLInputElement>("input[name=source-url]");
    if (url?.reportValidity()) onTest();
  };
  return (
    <button type="button" disabled={asking} onClick={onClick}>
      {asking ? "Testing…" : "Test"}
    </button>
  );
}
