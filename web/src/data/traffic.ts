import type { Client } from "../api/client";

/** What was taken and given in each step, oldest first; what is missing was zero all the time. */
export interface Series {
  in_bytes?: number[];
  in_records?: number[];
  out_bytes?: number[];
  out_records?: number[];
  throttled_records?: number[];
  throttled_reads?: number[];
  /** How far the slowest reader was behind; null where nobody read. */
  iterator_age_ms?: (number | null)[];
}

/** The last minutes of a data stream. */
export interface Traffic {
  step_s: number;
  /** When the last step ended. */
  until_ms: number;
  traffic: Series;
  shards: { shard_id: string; traffic: Series }[];
}

export function readTraffic(client: Client, stream: string): Promise<Traffic> {
  return client.json("GET", `/v1/data/${encodeURIComponent(stream)}/traffic`);
}

/** One number per second in each step; a straight line at zero if there was nothing. */
export function rates(counts: number[] | undefined, stepS: number): number[] {
  return (counts ?? [0, 0]).map((count) => count / stepS);
}

/** The sum of two series. */
export function sum(one: number[] | undefined, other: number[] | undefined): number[] | undefined {
  if (!one || !other) return one ?? other;
  return one.map((count, step) => count + (other[step] ?? 0));
}

/** What it was in the last whole step. */
export function latest(values: number[]): number {
  return values.at(-1) ?? 0;
}

/** The iterator age as last read. Null: nobody read in the minutes shown. */
export function latestAge(ages: Series["iterator_age_ms"]): number | null {
  return ages?.filter((age) => age !== null).at(-1) ?? null;
}

/** `0.4/s`, `12/s`, `1.3 k/s`; of something, `12 records/s`. */
export function perSecond(rate: number, of = ""): string {
  return `${short(rate)}${of === "" ? "" : ` ${of}`}/s`;
}

function short(rate: number): string {
  if (rate < 9.95) return rate.toFixed(1).replace(/\.0$/, "");
  if (rate < 9_950) return String(Math.round(rate));
  return `${(rate / 1000).toFixed(rate < 99_500 ? 1 : 0).replace(/\.0$/, "")} k`;
}
