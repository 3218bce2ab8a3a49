import { useState } from "preact/hooks";
import type { DataStreamSummary, Kinesis, Shard } from "../api/kinesis";
import { isOpen, middle, nextOpen, offset, rows, shortName, width } from "./hash-space";
import { RateCells } from "./rates";
import { Reshard, type Wish } from "./reshard";
import type { Traffic } from "./traffic";

interface Props {
  kinesis: Kinesis;
  summary: DataStreamSummary;
  shards: Shard[];
  traffic: Traffic;
  onChanged: () => void;
}

/** The shards over the space of hash keys, and a list of them in which they can be split and merged. */
export function Shards({ kinesis, summary, shards, traffic, onChanged }: Props) {
  const [wish, setWish] = useState<Wish | null>(null);
  const open = rows(shards.filter(isOpen)).flat();
  const closed = shards.filter((shard) => !isOpen(shard));
  // Streams on demand split and merge by themselves.
  const frozen = summary.StreamModeDetails.StreamMode === "ON_DEMAND" || summary.StreamStatus !== "ACTIVE";
  return (
    <section aria-labelledby="shards-title">
      <h2 id="shards-title">Shards</h2>
      <HashBar shards={shards} />
      <table class="shards">
        <thead>
          <tr>
            <th scope="col">Shard</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Share
            </th>
            <th scope="col">From</th>
            <th scope="col">In</th>
            <th scope="col">Out</th>
            <th scope="col" class="number">
              Throttled
            </th>
            <th scope="col" class="number">
              Iterator age
            </th>
            <th scope="col">
              <span class="visually-hidden">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {[...open, ...closed].map((shard) => (
            <Row key={shard.ShardId} shard={shard} all={shards} traffic={traffic} frozen={frozen} onWish={setWish} />
          ))}
        </tbody>
      </table>
      {wish && (
        <Reshard kinesis={kinesis} stream={summary.StreamName} wish={wish} onClose={() => setWish(null)} onDone={onChanged} />
      )}
    </section>
  );
}

/** Each shard as wide as its share of the hash keys. Closed ones are hatched, hollow and lie below. */
function HashBar({ shards }: { shards: Shard[] }) {
  const open = shards.filter(isOpen).length;
  const label = `Hash keys: ${open} open shards, ${shards.length - open} closed. The list below says the same in words.`;
  return (
    <div class="hash-bar" role="img" aria-label={label}>
      {rows(shards).map((row, index) => (
        <div key={index} class="hash-row">
          {row.map((shard) => (
            <span
              key={shard.ShardId}
              class={isOpen(shard) ? "hash-shard" : "hash-shard closed"}
              style={{ left: `${offset(shard) * 100}%`, width: `${width(shard) * 100}%` }}
              title={`${shard.ShardId}, ${isOpen(shard) ? "open" : "closed"}, ${percent(shard)}`}
            >
              {shortName(shard.ShardId)}
            </span>
          ))}
        </div>
      ))}
    </div>
  );
}

interface RowProps {
  shard: Shard;
  all: Shard[];
  traffic: Traffic;
  frozen: boolean;
  onWish: (wish: Wish) => void;
}

function Row({ shard, all, traffic, frozen, onWish }: RowProps) {
  const open = isOpen(shard);
  const at = open ? middle(shard) : null;
  const next = open ? nextOpen(shard, all) : null;
  const parents = [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined && id !== null);
  return (
    <tr data-shard={shard.ShardId}>
      <th scope="row">{shard.ShardId}</th>
      <td>{open ? "● Open" : "○ Closed"}</td>
      <td class="number">{percent(shard)}</td>
      <td class="parents">
        {parents.length > 0 && <small class="unit">from </small>}
        {parents.map((id) => shortName(id!)).join(" and ")}
      </td>
      <RateCells series={traffic.shards.find((each) => each.shard_id === shard.ShardId)?.traffic} stepS={traffic.step_s} />
      <td class="shard-tools">
        {at !== null && (
          <button
            type="button"
            disabled={frozen}
            aria-label={`Split ${shard.ShardId} in the middle`}
            onClick={() => onWish({ kind: "split", shard: shard.ShardId, at })}
          >
            Split
          </button>
        )}
        {next && (
          <button
            type="button"
            disabled={frozen}
            aria-label={`Merge with ${shortName(next.ShardId)}: ${shard.ShardId} and ${next.ShardId}`}
            onClick={() => onWish({ kind: "merge", shard: shard.ShardId, next: next.ShardId })}
          >
            Merge with {shortName(next.ShardId)}
          </button>
        )}
      </td>
    </tr>
  );
}

function percent(shard: Shard): string {
  return `${(width(shard) * 100).toFixed(1).replace(/\.0$/, "")} %`;
}
