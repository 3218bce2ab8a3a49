// The SDK for JavaScript 3, over HTTP/2 (its own choice) and over HTTP/1.1: records in, back out, and pushed to a subscriber.
import assert from "node:assert/strict";
import kinesisSdk from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceNotFoundException,
  SubscribeToShardCommand,
  waitUntilStreamExists,
} = kinesisSdk;

const RECORDS = 400;

function connect(requestHandler, more) {
  return new KinesisClient({
    endpoint: process.env.ENDPOINT,
    region: "us-east-1",
    credentials: { accessKeyId: process.env.KEY_ID, secretAccessKey: process.env.SECRET },
    maxAttempts: 1,
    ...(requestHandler && { requestHandler }),
    ...more,
  });
}

function batch(from, to) {
  return Array.from({ length: to - from }, (_, index) => ({
    PartitionKey: `key-${(from + index) % 10}`,
    Data: Buffer.from(String(from + index)),
  }));
}

async function put(kinesis, stream, from, to) {
  const answer = await kinesis.send(new PutRecordsCommand({ StreamName: stream, Records: batch(from, to) }));
  assert.equal(answer.FailedRecordCount, 0);
  assert.equal(answer.Records.length, to - from);
}

function numbers(records) {
  return records.map((record) => Number(Buffer.from(record.Data).toString()));
}

async function poll(kinesis, stream, shard) {
  const from = { StreamName: stream, ShardId: shard, ShardIteratorType: "TRIM_HORIZON" };
  let { ShardIterator: iterator } = await kinesis.send(new GetShardIteratorCommand(from));
  const found = [];
  for (let turn = 0; turn < 50; turn += 1) {
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 90 }));
    found.push(...numbers(page.Records));
    iterator = page.NextShardIterator;
    if (page.MillisBehindLatest === 0) return found;
  }
  throw new Error("the tip was never reached");
}

async function subscribe(kinesis, stream, shard) {
  const { StreamDescriptionSummary: summary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
  const consumer = { StreamARN: summary.StreamARN, ConsumerName: "node" };
  const { Consumer: registered } = await kinesis.send(new RegisterStreamConsumerCommand(consumer));
  for (let turn = 0; turn < 100; turn += 1) {
    const described = await kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN: registered.ConsumerARN }));
    if (described.ConsumerDescription.ConsumerStatus === "ACTIVE") break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const answer = await kinesis.send(
    new SubscribeToShardCommand({
      ConsumerARN: registered.ConsumerARN,
      ShardId: shard,
      StartingPosition: { Type: "TRIM_HORIZON" },
    }),
  );
  const found = [];
  let more = put(kinesis, stream, RECORDS, RECORDS * 2);
  for await (const { SubscribeToShardEvent: event } of answer.EventStream) {
    if (!event) continue;
    assert.ok(event.ContinuationSequenceNumber);
    found.push(...numbers(event.Records));
    if (found.length >= RECORDS * 2) break;
  }
  await more;
  return found;
}

async function check(name, handler) {
  const kinesis = connect(handler);
  const stream = `node-${name}`;
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 1 }));
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 30, minDelay: 1 }, { StreamName: stream });
  const { Shards: shards } = await kinesis.send(new ListShardsCommand({ StreamName: stream }));
  assert.equal(shards.length, 1);
  await put(kinesis, stream, 0, RECORDS);
  const first = Array.from({ length: RECORDS }, (_, index) => index);
  assert.deepEqual(await poll(kinesis, stream, shards[0].ShardId), first);
  const all = Array.from({ length: RECORDS * 2 }, (_, index) => index);
  assert.deepEqual(await subscribe(kinesis, stream, shards[0].ShardId), all);
  await assert.rejects(
    kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "nowhere" })),
    (error) => error instanceof ResourceNotFoundException && /nowhere/.test(error.message),
  );
  kinesis.destroy();
  console.log(`${name}: ${RECORDS * 2} records`);
}

/** A clock that is an hour slow is refused, and set by the client itself from what the refusal says. */
async function checkClock() {
  const kinesis = connect(undefined, { maxAttempts: 2, systemClockOffset: -3_600_000 });
  await kinesis.send(new ListStreamsCommand({}));
  const offset = kinesis.config.systemClockOffset;
  assert.ok(Math.abs(offset) < 60_000, `the clock was set by ${offset} ms`);
  kinesis.destroy();
  console.log("a slow clock is set");
}

await checkClock();
await check("http2");
await check("http1", new NodeHttpHandler());
process.exit(0);
