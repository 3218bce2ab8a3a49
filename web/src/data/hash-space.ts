import type { Shard } from "../api/kinesis";

// Hash keys are whole numbers of 128 bits, which only BigInt holds.

const SPACE = 1n << 128n;
const SHARE_STEPS = 1_000_000n;

export function isOpen(shard: Shard): boolean {
  return !shard.SequenceNumberRange.EndingSequenceNumber;
}

export function firstKey(shard: Shard): bigint {
  return BigInt(shard.HashKeyRange.StartingHashKey);
}

function lastKey(shard: Shard): bigint {
  return BigInt(shard.HashKeyRange.EndingHashKey);
}

function share(of: bigint): number {
  return Number((of * SHARE_STEPS) / SPACE) / Number(SHARE_STEPS);
}

/** Where the shard begins in the hash space, from 0 to 1. */
export function offset(shard: Shard): number {
  return share(firstKey(shard));
}

/** How much of the hash space the shard has, from 0 to 1. */
export function width(shard: Shard): number {
  return share(lastKey(shard) - firstKey(shard) + 1n);
}

/** The hash key at which the upper half begins. Null: the range is too small to be split. */
export function middle(shard: Shard): string | null {
  const [first, last] = [firstKey(shard), lastKey(shard)];
  const at = (first + last + 1n) / 2n;
  return at > first + 1n && at < last ? at.toString() : null;
}

/** The open shard whose range begins where this one's ends. */
export function nextOpen(shard: Shard, all: Shard[]): Shard | null {
  const end = lastKey(shard) + 1n;
  return all.find((other) => isOpen(other) && firstKey(other) === end) ?? null;
}

/** Shards in rows, so that no two in a row overlap: the open ones first, then the closed ones, the latest uppermost. */
export function rows(shards: Shard[]): Shard[][] {
  const byKey = (a: Shard, b: Shard) => (firstKey(a) < firstKey(b) ? -1 : 1);
  const all = [shards.filter(isOpen).sort(byKey)];
  for (const shard of shards.filter((each) => !isOpen(each)).reverse()) {
    const free = (row: Shard[]) => row.every((other) => lastKey(other) < firstKey(shard) || lastKey(shard) < firstKey(other));
    const row = all.slice(1).find(free);
    if (row) row.push(shard);
    else all.push([shard]);
  }
  return all.filter((row) => row.length > 0).map((row) => row.sort(byKey));
}

/** `shardId-000000000007` as `7`, for where there is little room. */
export function shortName(shardId: string): string {
  return shardId.replace(/^shardId-0*(?=\d)/, "");
}
