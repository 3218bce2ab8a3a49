import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { describeError } from "../api/error";
import type { DataRecord, Kinesis, Start } from "../api/kinesis";

const PAGE_RECORDS = 25;
/** While following, older records leave the screen. */
const FOLLOWED_RECORDS_MAX = 200;
const FOLLOW_EVERY_MS = 1000;

interface Reading {
  records: DataRecord[];
  /** Null: not begun, or the closed shard's end is reached. */
  next: string | null;
  behindMs: number;
  error: string | null;
  begun: boolean;
}

const NOTHING: Reading = { records: [], next: null, behindMs: 0, error: null, begun: false };

export interface RecordsRead extends Reading {
  begin: (shard: string, start: Start) => void;
  nextPage: () => void;
}

/** Records of one shard, a page after the other; while `following`, as they come. */
export function useRecords(kinesis: Kinesis, stream: string, following: boolean): RecordsRead {
  const [reading, setReading] = useState<Reading>(NOTHING);
  // Answers to what was asked for before the latest question are dropped.
  const question = useRef(0);
  useEffect(() => () => void (question.current += 1), []);

  const page = useCallback(
    async (iterator: () => Promise<string>, keep: DataRecord[]) => {
      const own = ++question.current;
      try {
        const answer = await kinesis.records(await iterator(), PAGE_RECORDS);
        if (own !== question.current) return;
        setReading({
          records: [...keep, ...answer.Records].slice(-FOLLOWED_RECORDS_MAX),
          next: answer.NextShardIterator ?? null,
          behindMs: answer.MillisBehindLatest,
          error: null,
          begun: true,
        });
      } catch (thrown) {
        if (own === question.current) setReading((before) => ({ ...before, error: describeError(thrown) }));
      }
    },
    [kinesis],
  );
  const { next, records, error } = reading;
  useEffect(() => {
    if (!following || next === null || error !== null) return;
    const timer = setTimeout(() => void page(async () => next, records), FOLLOW_EVERY_MS);
    return () => clearTimeout(timer);
  }, [following, next, records, error, page]);

  const begin = (shard: string, start: Start) => {
    setReading(NOTHING);
    void page(() => kinesis.iterator(stream, shard, start), []);
  };
  const nextPage = () => void (next !== null && page(async () => next, []));
  return { ...reading, begin, nextPage };
}
