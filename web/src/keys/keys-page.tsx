import { useCallback, useMemo, useState } from "preact/hooks";
import { describeError } from "../api/error";
import { type Alias, type KeyMetadata, type KeyedStream, Kms, type Rotation } from "../api/kms";
import { Ask, TextField } from "../pieces/ask";
import { Icon } from "../pieces/icons";
import { Reading } from "../pieces/reading";
import { go, keyHref } from "../router";
import { type Session, zone } from "../session";
import { useStore } from "../store";
import { type Zone, dateTime } from "../time/format";
import { usePolled } from "../use-polled";
import { dependents, keyName, named, rotationText, stateText } from "./words";

const EVERY_MS = 15_000;
/** Keys described at a time, so that a long list does not become a flood of requests. */
const AT_ONCE = 8;

interface Known {
  key: KeyMetadata;
  rotation: Rotation;
}

interface Read {
  known: Known[];
  /** Keys that exist, and may not be looked at. */
  hidden: number;
  aliases: Alias[];
  streams: KeyedStream[];
  /** Why it is not known what streams depend on. */
  streamsError: string | null;
}

/** The keys that streams' data keys are wrapped by. */
export function KeysPage({ session: { client } }: { session: Session }) {
  const kms = useMemo(() => new Kms(client), [client]);
  const { value, error } = usePolled(useCallback(() => readAll(kms), [kms]), EVERY_MS);
  const [adding, setAdding] = useState(false);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Keys</h1>
        {value && (
          <p class="summary">
            {value.known.length} in all{value.hidden > 0 && `, and ${value.hidden} that this user may not see`}
          </p>
        )}
        <button type="button" class="primary" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Create a key
        </button>
      </div>
      <Reading error={error} waiting={value === null} />
      {value?.streamsError && <p class="message warning">Which streams depend on them is not shown. {value.streamsError}</p>}
      {value && value.known.length > 0 && <Table read={value} />}
      {adding && <NewKey kms={kms} onClose={() => setAdding(false)} />}
    </div>
  );
}

async function readAll(kms: Kms): Promise<Read> {
  // One after the other: of two refusals the first is the one to be told.
  const ids = await kms.ids();
  const aliases = await kms.aliases();
  const read: Read = { known: [], hidden: 0, aliases, streams: [], streamsError: null };
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const part = await Promise.allSettled(ids.slice(at, at + AT_ONCE).map((id) => look(kms, id)));
    for (const each of part) {
      if (each.status === "fulfilled") read.known.push(each.value);
      else read.hidden += 1;
    }
  }
  try {
    read.streams = await kms.streams();
  } catch (thrown) {
    read.streamsError = describeError(thrown);
  }
  return read;
}

async function look(kms: Kms, id: string): Promise<Known> {
  const [key, rotation] = await Promise.all([kms.describe(id), kms.rotation(id)]);
  return { key, rotation };
}

function Table({ read }: { read: Read }) {
  const shownZone = useStore(zone);
  return (
    <table class="streams access">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">State</th>
          <th scope="col">New version</th>
          <th scope="col">Streams</th>
          <th scope="col">Made</th>
        </tr>
      </thead>
      <tbody>
        {read.known.map((known) => (
          <Row key={known.key.KeyId} known={known} read={read} shownZone={shownZone} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ known: { key, rotation }, read, shownZone }: { known: Known; read: Read; shownZone: Zone }) {
  const { now, before } = dependents(read.streams, key.KeyId);
  const name = keyName(key, read.aliases);
  return (
    <tr data-key={key.KeyId}>
      <th scope="row" class="cell-name">
        <a href={keyHref(key.KeyId)}>{name}</a>
        {name !== key.KeyId && <small class="id">{key.KeyId}</small>}
      </th>
      <td>{stateText(key)}</td>
      <td>
        <small class="unit">New version: </small>
        {rotationText(rotation)}
      </td>
      <td class="cell-wide">
        <small class="unit">Streams: </small>
        {read.streamsError ? "?" : named(now) || "none"}
        {before.length > 0 && <small> older records of {named(before)}</small>}
      </td>
      <td>
        <small class="unit">Made: </small>
        {key.CreationDate > 0 ? dateTime(key.CreationDate * 1000, shownZone) : "at the first start"}
      </td>
    </tr>
  );
}

function NewKey({ kms, onClose }: { kms: Kms; onClose: () => void }) {
  const [alias, setAlias] = useState("");
  const [description, setDescription] = useState("");
  // Kept when the alias is refused, so that trying another does not make another key.
  const [made, setMade] = useState<string | null>(null);
  const act = async () => {
    const key = made ?? (await kms.create(description));
    setMade(key);
    if (alias !== "") await kms.addAlias(`alias/${alias.replace(/^alias\//, "")}`, key);
    go(keyHref(key));
  };
  return (
    <Ask title="Create a key" action="Create" act={act} onClose={onClose}>
      <TextField label="Alias (may be left empty)" name="alias" value={alias} onValue={setAlias} required={false} />
      <TextField label="Description (may be left empty)" name="description" value={description} onValue={setDescription} required={false} />
      <p class="note">On its page it can be given to streams.</p>
    </Ask>
  );
}
