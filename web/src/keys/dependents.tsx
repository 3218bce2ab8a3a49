import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Kinesis } from "../api/kinesis";
import type { KeyedStream } from "../api/kms";
import { Ask } from "../pieces/ask";
import { Icon } from "../pieces/icons";
import { notify } from "../pieces/notice";
import { dataHref, streamHref } from "../router";
import type { Session } from "../session";
import type { KeyProps } from "./key-page";
import { dependents } from "./words";

/** The streams that the key is for. */
export function Dependents({ client, read, onChanged }: KeyProps & Pick<Session, "client">) {
  const kinesis = useMemo(() => new Kinesis(client), [client]);
  const [giving, setGiving] = useState(false);
  const [leaving, setLeaving] = useState<string | null>(null);
  const { key, streams, streamsError } = read;
  const { now, before } = dependents(streams, key.KeyId);
  const free = streams.filter((stream) => stream.kind === "data" && stream.key !== key.KeyId);
  const usable = key.KeyManager === "CUSTOMER" && key.KeyState === "Enabled" && free.length > 0;
  const back = async (stream: string) => {
    await kinesis.stopEncryption(stream, key.KeyId);
    onChanged();
  };
  return (
    <section aria-labelledby="dependents-title">
      <div class="section-head">
        <h2 id="dependents-title">Streams</h2>
        {usable && (
          <button type="button" onClick={() => setGiving(true)}>
            <Icon name="plus" /> Give it to a stream
          </button>
        )}
      </div>
      {streamsError && <p class="message warning">Not shown. {streamsError}</p>}
      {!streamsError && now.length + before.length === 0 && <p class="message">None depends on it.</p>}
      <ul class="panel">
        {now.map((stream) => (
          <Row key={stream.name} stream={stream} what={stream.kind}>
            {stream.kind === "data" && key.KeyManager === "CUSTOMER" && (
              <button type="button" aria-label={`Take back from ${stream.name}`} onClick={() => setLeaving(stream.name)}>
                Take back
              </button>
            )}
          </Row>
        ))}
        {before.map((stream) => (
          <Row key={stream.name} stream={stream} what="only what was written before it got another key" />
        ))}
      </ul>
      {giving && <Give kinesis={kinesis} keyId={key.KeyId} free={free} onClose={() => setGiving(false)} onDone={onChanged} />}
      {leaving && (
        <Ask title="Take a key back" action="Take it back" act={() => back(leaving)} onClose={() => setLeaving(null)}>
          <p>
            What is written to {leaving} from now on is sealed under the default key. What was written before needs this key for
            as long as it is kept.
          </p>
        </Ask>
      )}
    </section>
  );
}

interface RowProps {
  stream: KeyedStream;
  what: string;
  children?: ComponentChildren;
}

function Row({ stream, what, children }: RowProps) {
  return (
    <li data-stream={stream.name}>
      <span>
        <a href={stream.kind === "data" ? dataHref(stream.name) : streamHref(stream.name)}>{stream.name}</a> <small>{what}</small>
      </span>
      {children}
    </li>
  );
}

interface GiveProps {
  kinesis: Kinesis;
  keyId: string;
  free: KeyedStream[];
  onClose: () => void;
  onDone: () => void;
}

function Give({ kinesis, keyId, free, onClose, onDone }: GiveProps) {
  const [stream, setStream] = useState(free[0]!.name);
  const act = async () => {
    await kinesis.startEncryption(stream, keyId);
    notify(`${stream} is sealed under this key from now on.`);
    onDone();
  };
  return (
    <Ask title="Give a key to a stream" action="Give it" act={act} onClose={onClose}>
      <label>
        Data stream
        <select name="stream" value={stream} onChange={(event) => setStream(event.currentTarget.value)}>
          {free.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <p class="note">
        What is written from now on can be read for as long as this key is there and enabled. What was written before stays under
        the key it had. Users need a right on the key to write to the stream (kms:GenerateDataKey) and to read it (kms:Decrypt).
      </p>
    </Ask>
  );
}
