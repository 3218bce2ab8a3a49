import { useCallback, useMemo } from "preact/hooks";
import { describeError } from "../api/error";
import { type Alias, type KeyMetadata, type KeyedStream, Kms, type PastRotation, type Rotation } from "../api/kms";
import { Reading } from "../pieces/reading";
import { type Session, zone } from "../session";
import { useStore } from "../store";
import { dateTime } from "../time/format";
import { usePolled } from "../use-polled";
import { Aliases } from "./aliases";
import { KeyDeletion } from "./deletion";
import { Dependents } from "./dependents";
import { KeyState, Versions } from "./state";
import { keyName, stateText } from "./words";

const EVERY_MS = 10_000;

/** What is known of a key. */
export interface KeyRead {
  key: KeyMetadata;
  aliases: Alias[];
  rotation: Rotation;
  rotations: PastRotation[];
  streams: KeyedStream[];
  /** Why it is not known which streams depend on it. */
  streamsError: string | null;
}

export interface KeyProps {
  kms: Kms;
  read: KeyRead;
  onChanged: () => void;
}

/** One key: its names, what depends on it, and what can be done with it. */
export function KeyPage({ session: { client }, id }: { session: Session; id: string }) {
  const kms = useMemo(() => new Kms(client), [client]);
  const { value: read, error, refresh } = usePolled(useCallback(() => readKey(kms, id), [kms, id]), EVERY_MS);
  const shownZone = useStore(zone);
  const props = read && { kms, read, onChanged: refresh };
  return (
    <div class="page one">
      <div class="page-head">
        <h1>{read ? keyName(read.key, read.aliases) : id}</h1>
        {read && (
          <p class="summary" role="status">
            {stateText(read.key)}
            {read.key.CreationDate > 0 && ` · made ${dateTime(read.key.CreationDate * 1000, shownZone)}`}
          </p>
        )}
      </div>
      <Reading error={error} waiting={read === null} />
      {props && (
        <>
          <p class="arn">
            <code>{props.read.key.Arn}</code>
          </p>
          {props.read.key.Description && <p>{props.read.key.Description}</p>}
          {props.read.key.KeyManager === "AWS" && (
            <p class="note">This is the key of streams for which nobody chose one. It cannot be changed or deleted.</p>
          )}
          <Dependents {...props} client={client} />
          <Aliases {...props} />
          {props.read.key.KeyManager === "CUSTOMER" && (
            <>
              <KeyState {...props} />
              <Versions {...props} shownZone={shownZone} />
              <KeyDeletion {...props} shownZone={shownZone} />
            </>
          )}
        </>
      )}
    </div>
  );
}

async function readKey(kms: Kms, id: string): Promise<KeyRead> {
  const key = await kms.describe(id);
  const [aliases, rotation, rotations] = await Promise.all([kms.aliases(id), kms.rotation(id), kms.rotations(id)]);
  const read: KeyRead = { key, aliases, rotation, rotations, streams: [], streamsError: null };
  try {
    read.streams = await kms.streams();
  } catch (thrown) {
    read.streamsError = describeError(thrown);
  }
  return read;
}
