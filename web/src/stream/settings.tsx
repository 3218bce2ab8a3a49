import { useState } from "preact/hooks";
import type { Client } from "../api/client";
import { describeError } from "../api/error";
import type { VideoInfo } from "../api/types";
import { Confirm } from "../pieces/ask";
import { notify } from "../pieces/notice";
import { go } from "../router";
import { SourceForm } from "../source/settings";
import { type Zone, bytes } from "../time/format";
import { Holds } from "./holds";
import { Retention } from "./retention";

interface Props {
  client: Client;
  info: VideoInfo;
  zone: Zone;
  onChanged: () => void;
}

export function Settings({ client, info, zone, onChanged }: Props) {
  return (
    <div class="settings">
      <SourceForm client={client} info={info} onChanged={onChanged} />
      <Retention client={client} info={info} onChanged={onChanged} />
      <Holds client={client} info={info} zone={zone} onChanged={onChanged} />
      <Deletion client={client} info={info} />
    </div>
  );
}

function Deletion({ client, info }: Pick<Props, "client" | "info">) {
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
      <Confirm name={info.name} typed={typed} onTyped={setTyped} />
      <div role="alert">{error && <p class="message error">{error}</p>}</div>
      <button type="submit" class="danger" disabled={typed !== info.name}>
        Delete {info.name}
      </button>
    </form>
  );
}
