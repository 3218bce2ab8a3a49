import type { Client } from "./client";

// Operations and their members have the names that the interface of Kinesis Data Streams gives them.

export interface DataStream {
  StreamName: string;
  StreamStatus: string;
  StreamModeDetails: { StreamMode: "PROVISIONED" | "ON_DEMAND" };
}

export interface DataStreamSummary extends DataStream {
  RetentionPeriodHours: number;
  OpenShardCount: number;
  ConsumerCount: number;
  EncryptionType: string;
  /** The key that was chosen for it, as it was named. */
  KeyId?: string;
}

export interface Shard {
  ShardId: string;
  ParentShardId?: string;
  AdjacentParentShardId?: string;
  HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
  /** Without an end while the shard is open. */
  SequenceNumberRange: { StartingSequenceNumber: string; EndingSequenceNumber?: string };
}

export interface DataRecord {
  SequenceNumber: string;
  PartitionKey: string;
  /** Seconds since the epoch. */
  ApproximateArrivalTimestamp: number;
  /** In base64. */
  Data: string;
}

export interface RecordsPage {
  Records: DataRecord[];
  /** Null: the shard is closed and this was its end. */
  NextShardIterator: string | null;
  MillisBehindLatest: number;
}

/** Where reading begins; an instant in milliseconds. */
export type Start = "TRIM_HORIZON" | "LATEST" | number;

/** Lists longer than this are cut: the page could not show them anyway. */
const STREAMS_MAX = 1_000;
const SHARDS_MAX = 5_000;

/** Data streams, over the operations of their own interface. */
export class Kinesis {
  constructor(private readonly client: Client) {}

  async streams(): Promise<DataStream[]> {
    const all: DataStream[] = [];
    let next: string | null | undefined;
    do {
      const page: { StreamSummaries: DataStream[]; NextToken?: string | null } = await this.call("ListStreams", {
        NextToken: next ?? undefined,
      });
      all.push(...page.StreamSummaries);
      next = page.NextToken;
    } while (next && all.length < STREAMS_MAX);
    return all;
  }

  async summary(stream: string): Promise<DataStreamSummary> {
    const answer = await this.call<{ StreamDescriptionSummary: DataStreamSummary }>("DescribeStreamSummary", {
      StreamName: stream,
    });
    return answer.StreamDescriptionSummary;
  }

  async shards(stream: string): Promise<Shard[]> {
    const all: Shard[] = [];
    let next: string | null | undefined;
    do {
      const page: { Shards: Shard[]; NextToken?: string | null } = await this.call(
        "ListShards",
        next ? { NextToken: next } : { StreamName: stream },
      );
      all.push(...page.Shards);
      next = page.NextToken;
    } while (next && all.length < SHARDS_MAX);
    return all;
  }

  async split(stream: string, shard: string, newStartingHashKey: string): Promise<void> {
    await this.call("SplitShard", { StreamName: stream, ShardToSplit: shard, NewStartingHashKey: newStartingHashKey });
  }

  async merge(stream: string, shard: string, next: string): Promise<void> {
    await this.call("MergeShards", { StreamName: stream, ShardToMerge: shard, AdjacentShardToMerge: next });
  }

  /** Seals what is written from now on under a key. */
  async startEncryption(stream: string, key: string): Promise<void> {
    await this.call("StartStreamEncryption", { StreamName: stream, EncryptionType: "KMS", KeyId: key });
  }

  /** And from now on under the default key. */
  async stopEncryption(stream: string, key: string): Promise<void> {
    await this.call("StopStreamEncryption", { StreamName: stream, EncryptionType: "KMS", KeyId: key });
  }

  async iterator(stream: string, shard: string, start: Start): Promise<string> {
    const from =
      typeof start === "number"
        ? { ShardIteratorType: "AT_TIMESTAMP", Timestamp: start / 1000 }
        : { ShardIteratorType: start };
    const answer = await this.call<{ ShardIterator: string }>("GetShardIterator", {
      StreamName: stream,
      ShardId: shard,
      ...from,
    });
    return answer.ShardIterator;
  }

  records(iterator: string, limit: number): Promise<RecordsPage> {
    return this.call("GetRecords", { ShardIterator: iterator, Limit: limit });
  }

  private call<T>(operation: string, input: object): Promise<T> {
    return this.client.operation(`/v1/kinesis/${operation}`, input);
  }
}
