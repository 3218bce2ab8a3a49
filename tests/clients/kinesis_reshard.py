"""Shards are split, merged and counted anew while three writers go on; a reader that follows children at the end of their
parents finds each key's records in order, none lost and none twice."""
import collections
import hashlib
import threading

from kinesis_client import client, create, iterator, refusal, same

kinesis = client()
ACTIVE = {"Delay": 1, "MaxAttempts": 60}
MIDDLE = 1 << 127


def settled(name):
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig=ACTIVE)
    return kinesis.list_shards(StreamName=name)["Shards"]


def open_of(shards):
    found = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    return sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


def number(shard):
    return int(shard["ShardId"].split("-")[1])


# What cannot be done is said in the service's words.
create(kinesis, "refusals", 3)
stream = "in stream refusals under account 000000000000"
first, second, third = (shard["ShardId"] for shard in settled("refusals"))
low, high = (settled("refusals")[0]["HashKeyRange"][end] for end in ("StartingHashKey", "EndingHashKey"))
for at in ("0", "1", high, str(2 ** 128 - 1)):
    same(refusal(kinesis.split_shard, StreamName="refusals", ShardToSplit=first, NewStartingHashKey=at),
         ("InvalidArgumentException",
          f"NewStartingHashKey {at} used in SplitShard() on shard {first} {stream} is not both greater than one plus the "
          f"shard's StartingHashKey {low} and less than the shard's EndingHashKey {high}."))
same(refusal(kinesis.merge_shards, StreamName="refusals", ShardToMerge=first, AdjacentShardToMerge=third),
     ("InvalidArgumentException",
      f"Shards {first} and {third} {stream} are not an adjacent pair of shards eligible for merging"))
same(refusal(kinesis.split_shard, StreamName="refusals", ShardToSplit="shardId-000000000009", NewStartingHashKey="9"),
     ("ResourceNotFoundException", f"Could not find shard shardId-000000000009 {stream}."))
same(refusal(kinesis.split_shard, StreamName="nobody", ShardToSplit=first, NewStartingHashKey="9"),
     ("ResourceNotFoundException", "Stream nobody under account 000000000000 not found."))
for target in (7, 1):
    code, message = refusal(kinesis.update_shard_count, StreamName="refusals", TargetShardCount=target,
                            ScalingType="UNIFORM_SCALING")
    assert code == "InvalidArgumentException" and "Current open shard count: 3" in message, (code, message)
same(refusal(kinesis.update_shard_count, StreamName="refusals", TargetShardCount=4, ScalingType="OTHER")[0],
     "ValidationException")
kinesis.merge_shards(StreamName="refusals", ShardToMerge=first, AdjacentShardToMerge=second)
settled("refusals")
code, message = refusal(kinesis.split_shard, StreamName="refusals", ShardToSplit=first, NewStartingHashKey="9")
assert "has already been merged or split" in message, message
kinesis.create_stream(StreamName="demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
same(refusal(kinesis.update_shard_count, StreamName="demand", TargetShardCount=5, ScalingType="UNIFORM_SCALING"),
     ("ValidationException", "Request is invalid. Stream demand under account 000000000000 is in On-Demand mode."))

# As many shards are listed as by the original service.
for before, target, listed in [(2, 4, 6), (4, 5, 15), (4, 2, 6), (5, 3, 7), (10, 13, 37)]:
    name = f"count-{before}-{target}"
    create(kinesis, name, before)
    answer = kinesis.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    same((answer["CurrentShardCount"], answer["TargetShardCount"]), (before, target))
    shards = settled(name)
    same((name, len(open_of(shards)), len(shards)), (name, target, listed))
    same(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["OpenShardCount"], target)

# Under load.
create(kinesis, "orders", 2)
keys = [f"key-{key}" for key in range(30)]
last, done, failures = collections.Counter(), threading.Event(), []


def write(own):
    mine = client()
    try:
        while not done.is_set():
            waiting = []
            for key in own:
                for _ in range(2):
                    last[key] += 1
                    waiting.append({"Data": str(last[key]).encode(), "PartitionKey": key})
            for _ in range(100):
                answer = mine.put_records(StreamName="orders", Records=waiting)["Records"]
                waiting = [record for record, told in zip(waiting, answer) if "ErrorCode" in told]
                if not waiting:
                    break
            else:
                raise AssertionError(f"refused a hundred times: {answer}")
    except Exception as error:
        failures.append(error)
        raise


writers = [threading.Thread(target=write, args=[keys[place::3]]) for place in range(3)]
for writer in writers:
    writer.start()
kinesis.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(MIDDLE // 3))
settled("orders")
kinesis.update_shard_count(StreamName="orders", TargetShardCount=5, ScalingType="UNIFORM_SCALING")
a, b = open_of(settled("orders"))[1:3]
kinesis.merge_shards(StreamName="orders", ShardToMerge=a["ShardId"], AdjacentShardToMerge=b["ShardId"])
settled("orders")
kinesis.update_shard_count(StreamName="orders", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
settled("orders")
done.set()
for writer in writers:
    writer.join()
assert not failures, failures

shards = {shard["ShardId"]: shard for shard in kinesis.list_shards(StreamName="orders")["Shards"]}
found, newest, read, ahead = collections.Counter(), {}, set(), ["shardId-000000000000", "shardId-000000000001"]
while ahead:
    shard = ahead.pop(0)
    at, hash_keys = iterator(kinesis, "orders", shard), shards[shard]["HashKeyRange"]
    for _ in range(10000):
        answer = kinesis.get_records(ShardIterator=at)
        for record in answer["Records"]:
            key = record["PartitionKey"]
            hash_key = int(hashlib.md5(key.encode()).hexdigest(), 16)
            assert int(hash_keys["StartingHashKey"]) <= hash_key <= int(hash_keys["EndingHashKey"]), (key, shard)
            same((key, shard, int(record["Data"])), (key, shard, found[key] + 1))
            assert int(record["SequenceNumber"]) > newest.get(key, 0), "numbers rise from parent to child"
            found[key], newest[key] = found[key] + 1, int(record["SequenceNumber"])
        at = answer.get("NextShardIterator")
        if at is None:
            break
        assert "ChildShards" not in answer or not answer["ChildShards"]
        if answer["MillisBehindLatest"] == 0 and shard in {shard["ShardId"] for shard in open_of(shards.values())}:
            break
    read.add(shard)
    if at is None:
        assert answer["ChildShards"], "the end of a shard without children"
        for child in answer["ChildShards"]:
            known = shards[child["ShardId"]]
            same(child["HashKeyRange"], known["HashKeyRange"])
            same(child["ParentShards"], [known[parent] for parent in ("ParentShardId", "AdjacentParentShardId")
                                         if parent in known])
            if read.issuperset(child["ParentShards"]):
                ahead.append(child["ShardId"])
same(read, set(shards))
same(found, last)
print(f"{sum(found.values())} records of {len(found)} keys in {len(shards)} shards")
