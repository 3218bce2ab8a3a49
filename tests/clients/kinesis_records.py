"""Records: put one by one and many at a time over several shards, read back equal and in the order of each key, from
every kind of iterator."""
import collections
import hashlib
import random
import time

from kinesis_client import client, create, iterator, read, refusal, same, shards_of

kinesis = client()
create(kinesis, "many", 3)
shards = shards_of(kinesis, "many")

# 10,000 records of 100 keys, of all sizes from nothing on.
rng = random.Random(7)
put, keys = collections.defaultdict(list), [f"key-{number}-ä" for number in range(100)]
batch, told = [], collections.defaultdict(list)
for number in range(10_000):
    batch.append({"Data": rng.randbytes(rng.choice([0, 1, 2, 3, 100, 1000])) + str(number).encode(),
                  "PartitionKey": rng.choice(keys)})
    if len(batch) == 500:
        answer = kinesis.put_records(StreamName="many", Records=batch)
        same((answer["FailedRecordCount"], len(answer["Records"])), (0, 500))
        for record, placed in zip(batch, answer["Records"]):
            put[record["PartitionKey"]].append(record["Data"])
            told[placed["ShardId"]].append(placed["SequenceNumber"])
        batch = []

ranges = {shard["ShardId"]: shard["HashKeyRange"] for shard in kinesis.list_shards(StreamName="many")["Shards"]}
found = collections.defaultdict(list)
for shard in shards:
    records = read(kinesis, iterator(kinesis, "many", shard), limit=777)
    numbers = [record["SequenceNumber"] for record in records]
    same(numbers, told[shard])
    assert all(int(first) < int(second) for first, second in zip(numbers, numbers[1:])), "numbers increase"
    for record in records:
        hash_key = int(hashlib.md5(record["PartitionKey"].encode()).hexdigest(), 16)
        assert int(ranges[shard]["StartingHashKey"]) <= hash_key <= int(ranges[shard]["EndingHashKey"])
        assert abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 300
        assert "EncryptionType" not in record
        found[record["PartitionKey"]].append(record["Data"])
same(sum(map(len, found.values())), 10_000)
same(found, put)

# One shard, every kind of iterator.
create(kinesis, "one")
shard = shards_of(kinesis, "one")[0]
latest = iterator(kinesis, "one", shard, "LATEST")
numbers, arrivals = [], []
for number in range(3):
    answer = kinesis.put_record(StreamName="one", Data=f"record {number}".encode(), PartitionKey="a",
                                **({"SequenceNumberForOrdering": numbers[-1]} if numbers else {}))
    same(answer["ShardId"], shard)
    numbers.append(answer["SequenceNumber"])
    time.sleep(0.005)
assert numbers == sorted(numbers, key=int)
data = lambda records: [record["Data"].decode() for record in records]
same(data(read(kinesis, latest)), ["record 0", "record 1", "record 2"])
same(data(read(kinesis, latest)), ["record 0", "record 1", "record 2"])
same(data(read(kinesis, f'"{latest}"')), ["record 0", "record 1", "record 2"])
same(read(kinesis, iterator(kinesis, "one", shard, "LATEST")), [])
same(data(read(kinesis, iterator(kinesis, "one", "0", "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]))),
     ["record 1", "record 2"])
same(data(read(kinesis, iterator(kinesis, "one", shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]))),
     ["record 2"])
start = kinesis.list_shards(StreamName="one")["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
for kind in ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]:
    same(len(read(kinesis, iterator(kinesis, "one", shard, kind, StartingSequenceNumber=start))), 3)
arrived = [record["ApproximateArrivalTimestamp"] for record in read(kinesis, iterator(kinesis, "one", shard))]
same(data(read(kinesis, iterator(kinesis, "one", shard, "AT_TIMESTAMP", Timestamp=arrived[1]))),
     ["record 1", "record 2"])
same(len(read(kinesis, iterator(kinesis, "one", shard, "AT_TIMESTAMP", Timestamp=0))), 3)
same(refusal(kinesis.get_shard_iterator, StreamName="one", ShardId=shard, ShardIteratorType="AT_TIMESTAMP",
             Timestamp=time.time() + 60)[0], "InvalidArgumentException")
first = kinesis.get_records(ShardIterator=iterator(kinesis, "one", shard), Limit=1)
same(data(first["Records"]), ["record 0"])
assert 1 <= first["MillisBehindLatest"] < 300_000, first["MillisBehindLatest"]

# Explicit hash keys decide.
for explicit, shard in [("0", shards[0]), (str(2**128 - 1), shards[2]), (ranges[shards[1]]["StartingHashKey"], shards[1])]:
    same(kinesis.put_record(StreamName="many", Data=b"", PartitionKey="a", ExplicitHashKey=explicit)["ShardId"], shard)
same(refusal(kinesis.put_record, StreamName="many", Data=b"", PartitionKey="a", ExplicitHashKey=str(2**128)),
     ("InvalidArgumentException", "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified "
                                  f"value was {2**128}"))

# As large as they may be: one record, one call, one answer.
create(kinesis, "large", 1)
kinesis.put_record(StreamName="large", Data=b"x" * (1048576 - 1), PartitionKey="a")
code, message = refusal(kinesis.put_record, StreamName="large", Data=b"x" * 1048576, PartitionKey="a")
same((code, message.rsplit(": ", 1)[1]), ("ValidationException", "Member must have length less than or equal to 1048576"))
entry = {"Data": b"y" * (1048576 - 1), "PartitionKey": "a"}
same(kinesis.put_records(StreamName="large", Records=[entry] * 9)["FailedRecordCount"], 0)
same(refusal(kinesis.put_records, StreamName="large", Records=[entry] * 11),
     ("InvalidArgumentException", "Records size exceeds 10 MB limit"))
answer = kinesis.get_records(ShardIterator=iterator(kinesis, "large", "0"))
assert 8 <= len(answer["Records"]) <= 10 and answer["MillisBehindLatest"] >= 0
same(len(read(kinesis, iterator(kinesis, "large", "0"))), 10)

same(refusal(kinesis.put_record, StreamName="one", Data=b"", PartitionKey="a", DryRun=True)[0], "DryRunOperationException")
