"""What shards take and give per second: records beyond it are refused one by one, and taken when they come again. And how
often one may ask about streams."""
import time

from botocore.config import Config

from kinesis_client import client, create, iterator, read, same

kinesis = client()
create(kinesis, "s")
waiting = [{"Data": f"{number:06}".encode() * 1000, "PartitionKey": "a"} for number in range(400)]
wanted = [record["Data"] for record in waiting]
throttled = 0
deadline = time.monotonic() + 60
while waiting:
    assert time.monotonic() < deadline, f"{len(waiting)} records are still refused"
    answer = kinesis.put_records(StreamName="s", Records=waiting[:200])
    refused = [record for record, placed in zip(waiting, answer["Records"]) if "ErrorCode" in placed]
    for placed in answer["Records"]:
        if "ErrorCode" in placed:
            same((placed["ErrorCode"], placed["ErrorMessage"]),
                 ("ProvisionedThroughputExceededException",
                  "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000."))
    same(answer["FailedRecordCount"], len(refused))
    throttled += len(refused)
    waiting = refused + waiting[200:]
    time.sleep(0.2)
assert throttled > 0, "2.4 MB went into a shard of 1 MB/s at once"
same([record["Data"] for record in read(kinesis, iterator(kinesis, "s", "0"))], wanted)

create(kinesis, "one")
for _ in range(20):
    try:
        kinesis.put_record(StreamName="one", Data=b"x" * 1_000_000, PartitionKey="a")
    except kinesis.exceptions.ProvisionedThroughputExceededException as error:
        same(error.response["Error"]["Message"],
             "Rate exceeded for shard shardId-000000000000 in stream one under account 000000000000.")
        break
else:
    raise AssertionError("20 MB went into a shard of 1 MB/s at once")

at = iterator(kinesis, "s", "0", "LATEST")
refused = 0
for _ in range(12):
    try:
        at = kinesis.get_records(ShardIterator=at)["NextShardIterator"]
    except kinesis.exceptions.ProvisionedThroughputExceededException:
        refused += 1
assert refused > 0, "twelve reads within a moment"

# Calls about streams come too fast as well; a client that is left as it is tries again until it gets through.
told = []
for _ in range(20):
    try:
        kinesis.list_streams()
    except kinesis.exceptions.LimitExceededException as error:
        told.append(error.response["Error"]["Message"])
assert told, "twenty lists within a moment"
same(set(told), {"Rate exceeded for account 000000000000."})
patient = client(config=Config())
for _ in range(8):
    same(patient.list_streams()["StreamNames"], ["one", "s"])
