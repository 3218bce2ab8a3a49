"""Registered consumers, and what is pushed to them."""
import statistics
import threading
import time

from botocore.exceptions import EventStreamError
from kinesis_client import client, create, refusal, same

kinesis = client()
create(kinesis, "orders")
stream = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
SHARD = "shardId-000000000000"

# Registered, described, listed in pages, bounded, deregistered.
made = kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="reader", Tags={"team": "sales"})["Consumer"]
same((made["ConsumerName"], made["ConsumerStatus"]), ("reader", "ACTIVE"))
seconds = int(made["ConsumerCreationTimestamp"].timestamp())
same(made["ConsumerARN"], f"{stream}/consumer/reader:{seconds}")
arn = made["ConsumerARN"]
described = {**made, "StreamARN": stream}
same(kinesis.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"], described)
same(kinesis.describe_stream_consumer(StreamARN=stream, ConsumerName="reader")["ConsumerDescription"], described)
same(kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "team", "Value": "sales"}])
same(refusal(kinesis.register_stream_consumer, StreamARN=stream, ConsumerName="reader")[0], "ResourceInUseException")
for number in range(49):
    kinesis.register_stream_consumer(StreamARN=stream, ConsumerName=f"more-{number:02}")
same(refusal(kinesis.register_stream_consumer, StreamARN=stream, ConsumerName="one-too-many")[0],
     "LimitExceededException")
pages = list(kinesis.get_paginator("list_stream_consumers").paginate(StreamARN=stream,
                                                                    PaginationConfig={"PageSize": 20}))
same([len(page["Consumers"]) for page in pages], [20, 20, 10])
names = [consumer["ConsumerName"] for page in pages for consumer in page["Consumers"]]
same(names, sorted([f"more-{number:02}" for number in range(49)] + ["reader"]))
same(kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["ConsumerCount"], 50)
kinesis.deregister_stream_consumer(StreamARN=stream, ConsumerName="more-00")
same(refusal(kinesis.describe_stream_consumer, StreamARN=stream, ConsumerName="more-00")[0], "ResourceNotFoundException")
same(refusal(kinesis.describe_stream_consumer, ConsumerARN=arn + "1")[0], "ResourceNotFoundException")
same(refusal(kinesis.describe_stream_consumer)[0], "InvalidArgumentException")
same(refusal(kinesis.delete_stream, StreamName="orders")[0], "ResourceInUseException")


def subscribe(**start):
    return kinesis.subscribe_to_shard(ConsumerARN=arn, ShardId=SHARD, StartingPosition=start)["EventStream"]


same(refusal(kinesis.subscribe_to_shard, ConsumerARN=arn + "1", ShardId=SHARD,
             StartingPosition={"Type": "LATEST"})[0], "ResourceNotFoundException")
same(refusal(kinesis.subscribe_to_shard, ConsumerARN=arn, ShardId="shardId-000000000007",
             StartingPosition={"Type": "LATEST"})[0], "ResourceNotFoundException")

# Everything there is, then every record as soon as it is acknowledged.
before = [kinesis.put_record(StreamName="orders", Data=b"%d" % number, PartitionKey="k")["SequenceNumber"]
          for number in range(10)]
events = subscribe(Type="TRIM_HORIZON")
began, arrived, seen = time.monotonic(), {}, threading.Semaphore(0)
pushed, last, ends = [], [None], []


def follow():
    try:
        for event in events:
            event = event["SubscribeToShardEvent"]
            now = time.monotonic()
            for record in event["Records"]:
                pushed.append(record["SequenceNumber"])
                arrived[record["SequenceNumber"]] = now
                seen.release()
            last[0] = event
            if not event["Records"]:
                seen.release()
    except EventStreamError as error:
        ends.append(error.response["Error"]["Code"])
    ends.append("end")


follower = threading.Thread(target=follow)
follower.start()
for _ in before:
    assert seen.acquire(timeout=10), "what was there is not pushed"
delays = []
for number in range(30):
    told = kinesis.put_record(StreamName="orders", Data=b"x", PartitionKey="k")["SequenceNumber"]
    acknowledged = time.monotonic()
    before.append(told)
    for _ in range(100):
        if told in arrived:
            break
        assert seen.acquire(timeout=10), f"{told} is not pushed"
    delays.append(arrived[told] - acknowledged)
same(pushed, before)
print(f"pushed {statistics.median(delays) * 1000:.1f} ms after the acknowledgement, at most {max(delays) * 1000:.1f}")
assert statistics.median(delays) < 0.070, delays

# A second subscription is refused while the first is young, and takes over later. Something comes every five seconds.
same(refusal(kinesis.subscribe_to_shard, ConsumerARN=arn, ShardId=SHARD, StartingPosition={"Type": "LATEST"})[0],
     "ResourceInUseException")
while seen.acquire(blocking=False):
    pass
assert seen.acquire(timeout=5), "five seconds without an event"
same((last[0]["Records"], last[0]["MillisBehindLatest"]), ([], 0))
go_on = last[0]["ContinuationSequenceNumber"]
assert int(go_on) >= int(before[-1])
while time.monotonic() < began + 5.2:
    seen.acquire(timeout=0.1)
second = subscribe(Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=go_on)
follower.join(timeout=10)
same(ends, ["ResourceInUseException", "end"])

# The end of a shard: its children, and no place to go on from.
told = kinesis.put_record(StreamName="orders", Data=b"last", PartitionKey="k")["SequenceNumber"]
kinesis.split_shard(StreamName="orders", ShardToSplit=SHARD, NewStartingHashKey=str(1 << 127))
rest = [event["SubscribeToShardEvent"] for event in second]
same([record["SequenceNumber"] for event in rest for record in event["Records"]], [told])
assert "ContinuationSequenceNumber" not in rest[-1], rest[-1]
same([(child["ShardId"], child["ParentShards"]) for child in rest[-1]["ChildShards"]],
     [(f"shardId-{number:012}", [SHARD]) for number in (1, 2)])
assert all(event["ContinuationSequenceNumber"] for event in rest[:-1])

# Deregistering ends it.
SHARD = "shardId-000000000001"
third = subscribe(Type="TRIM_HORIZON")
for event in third:
    break
kinesis.deregister_stream_consumer(ConsumerARN=arn)
try:
    for event in third:
        pass
    raise AssertionError("it ended in silence")
except EventStreamError as error:
    same(error.response["Error"]["Code"], "ResourceNotFoundException")
kinesis.delete_stream(StreamName="orders", EnforceConsumerDeletion=True)
