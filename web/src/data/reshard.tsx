import { useState } from "preact/hooks";
import { describeError } from "../api/error";
import type { Kinesis } from "../api/kinesis";
import { Dialog } from "../pieces/dialog";
import { notify } from "../pieces/notice";

/** What is to be done to shards. */
export type Wish = { kind: "split"; shard: string; at: string } | { kind: "merge"; shard: string; next: string };

interface Props {
  kinesis: Kinesis;
  stream: string;
  wish: Wish;
  onClose: () => void;
  onDone: () => void;
}

/** Asks before it splits or merges. */
export function Reshard({ kinesis, stream, wish, onClose, onDone }: Props) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const split = wish.kind === "split";
  const act = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      if (split) await kinesis.split(stream, wish.shard, wish.at);
      else await kinesis.merge(stream, wish.shard, wish.next);
      notify(split ? `${wish.shard} is split.` : `${wish.shard} and ${wish.next} are merged.`);
      onDone();
      onClose();
    } catch (thrown) {
      setError(describeError(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={split ? "Split a shard" : "Merge two shards"} onClose={onClose}>
      <form onSubmit={(event) => void act(event)}>
        <p>
          {split
            ? `${wish.shard} is closed, and two new shards take a half of its hash keys each. `
            : `${wish.shard} and ${wish.next} are closed, and one new shard takes the hash keys of both. `}
          What is in it stays readable until its retention ends.
        </p>
        <div role="alert">{error && <p class="message error">{error}</p>}</div>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {split ? "Split it" : "Merge them"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
