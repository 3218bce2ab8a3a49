import type { Kinesis } from "../api/kinesis";
import { Ask } from "../pieces/ask";
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
  const split = wish.kind === "split";
  const act = async () => {
    if (split) await kinesis.split(stream, wish.shard, wish.at);
    else await kinesis.merge(stream, wish.shard, wish.next);
    notify(split ? `${wish.shard} is split.` : `${wish.shard} and ${wish.next} are merged.`);
    onDone();
  };
  return (
    <Ask
      title={split ? "Split a shard" : "Merge two shards"}
      action={split ? "Split it" : "Merge them"}
      act={act}
      onClose={onClose}
    >
      <p>
        {split
          ? `${wish.shard} is closed, and two new shards take a half of its hash keys each. `
          : `${wish.shard} and ${wish.next} are closed, and one new shard takes the hash keys of both. `}
        What is in it stays readable until its retention ends.
      </p>
    </Ask>
  );
}
