"""Each error of each operation that the table gives to this script: asked for in a way that must end in it, in JSON and in CBOR."""
import base64
import os
import time

import requests

from contract import Contract
from kinesis_client import ENDPOINT
from wire import Wire

TABLE = Contract("kinesis").table

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"
SHARD = "shardId-000000000000"
DENIED, MISSING, INVALID, BUSY, DRY = (
    "AccessDeniedException", "ResourceNotFoundException", "InvalidArgumentException", "ResourceInUseException",
    "DryRunOperationException")


def of(name, **more):
    return {"StreamName": name, **more}


def at(name, **more):
    return {"StreamARN": ARN + name, **more}


def on(name, **more):
    return {"ResourceARN": ARN + name, **more}


# A request of each operation that only the name of its stream keeps from being carried out.
REQUESTS = {
    "DeleteStream": of, "DescribeStream": of, "DescribeStreamSummary": of, "ListShards": of, "ListTagsForStream": of,
    "PutRecord": lambda name: of(name, Data=b"", PartitionKey="a"),
    "PutRecords": lambda name: of(name, Records=[{"Data": b"", "PartitionKey": "a"}]),
    "GetShardIterator": lambda name: of(name, ShardId=SHARD, ShardIteratorType="LATEST"),
    "RegisterStreamConsumer": lambda name: at(name, ConsumerName="new"),
    "DeregisterStreamConsumer": lambda name: {"ConsumerARN": f"{ARN}{name}/consumer/c:1"},
    "DescribeStreamConsumer": lambda name: {"ConsumerARN": f"{ARN}{name}/consumer/c:1"},
    "ListStreamConsumers": at,
    "SubscribeToShard": lambda name: {"ConsumerARN": f"{ARN}{name}/consumer/c:1", "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}},
    "SplitShard": lambda name: of(name, ShardToSplit=SHARD, NewStartingHashKey="9"),
    "MergeShards": lambda name: of(name, ShardToMerge=SHARD, AdjacentShardToMerge="shardId-000000000001"),
    "UpdateShardCount": lambda name: of(name, TargetShardCount=3, ScalingType="UNIFORM_SCALING"),
    "IncreaseStreamRetentionPeriod": lambda name: of(name, RetentionPeriodHours=25),
    "DecreaseStreamRetentionPeriod": lambda name: of(name, RetentionPeriodHours=24),
    "EnableEnhancedMonitoring": lambda name: of(name, ShardLevelMetrics=["ALL"]),
    "DisableEnhancedMonitoring": lambda name: of(name, ShardLevelMetrics=["ALL"]),
    "StartStreamEncryption": lambda name: of(name, EncryptionType="KMS", KeyId="alias/aws/kinesis"),
    "StopStreamEncryption": lambda name: of(name, EncryptionType="KMS", KeyId="alias/aws/kinesis"),
    "UpdateStreamMode": lambda name: at(name, StreamModeDetails={"StreamMode": "ON_DEMAND"}),
    "UpdateMaxRecordSize": lambda name: at(name, MaxRecordSizeInKiB=2048),
    "UpdateStreamWarmThroughput": lambda name: of(name, WarmThroughputMiBps=1),
    "UpdateStreamRecordDistributionStrategy": lambda name: at(name, RecordDistributionStrategy="USER_PARTITION_KEY"),
    "AddTagsToStream": lambda name: of(name, Tags={"a": "b"}),
    "RemoveTagsFromStream": lambda name: of(name, TagKeys=["a"]),
    "TagResource": lambda name: on(name, Tags={"a": "b"}),
    "UntagResource": lambda name: on(name, TagKeys=["a"]),
    "ListTagsForResource": on, "GetResourcePolicy": on, "DeleteResourcePolicy": on,
    "PutResourcePolicy": lambda name: on(name, Policy='{"Version": "2012-10-17", "Statement": []}'),
}


# Arguments that no constraint forbids and that cannot be all the same.
BAD = {
    "CreateStream": of("new", ShardCount=1, WarmThroughputMiBps=1),
    "ListStreams": {"NextToken": "AAAA"},
    "GetRecords": {"ShardIterator": "AAAA"},
    "RegisterStreamConsumer": at("s", ConsumerName="new", Tags={"<": ""}),
    "DeregisterStreamConsumer": {},
    "DescribeStreamConsumer": {},
    "ListStreamConsumers": at("s", NextToken="AAAA"),
    "UpdateStreamMode": at("s", StreamModeDetails={"StreamMode": "PROVISIONED"}, WarmThroughputMiBps=1),
    "UpdateStreamRecordDistributionStrategy": at("s", RecordDistributionStrategy="AUTO"),
    "TagResource": on("s", Tags={"<": ""}),
    "PutResourcePolicy": on("s", Policy="{"),
}


def user(name):
    """A user who may do nothing: the key and its secret."""
    headers = {"Authorization": "Basic " + base64.b64encode(f"{os.environ['KEY_ID']}:{os.environ['SECRET']}".encode()).decode()}
    session = requests.Session()
    session.trust_env = False
    session.put(f"{ENDPOINT}/v1/users/{name}", headers=headers, json={}, timeout=30).raise_for_status()
    made = session.post(f"{ENDPOINT}/v1/users/{name}/keys", headers=headers, timeout=30)
    made.raise_for_status()
    return made.json()["key_id"], made.json()["secret"]


class Errors:
    def __init__(self, form):
        self.wire, self.nobody, self.seen = Wire(form), Wire(form, user(f"nobody-{form}")), set()

    def done(self, operation, body):
        status, answer = self.wire.call(operation, body)
        assert status == 200, (operation, body, answer)
        return answer

    def refused(self, operation, body, code, wire=None, holds=""):
        status, answer = (wire or self.wire).call(operation, body)
        assert (status, (answer or {}).get("__type")) == (400, code), f"{operation} {body}, for {code}: {status} {answer}"
        assert answer["message"] and holds in answer["message"], (operation, answer)
        self.seen.add((operation, code))

    def settled(self, name):
        for _ in range(3000):
            if self.done("DescribeStreamSummary", of(name))["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
                return
            time.sleep(0.02)
        raise AssertionError(f"{name} never settles")

    def run(self):
        self.done("CreateStream", of("s", ShardCount=2))
        start = self.done("GetShardIterator", REQUESTS["GetShardIterator"]("s"))["ShardIterator"]
        self.denied(start)
        for operation, request in REQUESTS.items():
            self.refused(operation, request("nowhere"), MISSING)
            # Which consumer comes before where it is to start.
            if TABLE[operation]["errors"].get(INVALID) == "errors" and operation != "SubscribeToShard":
                bad = BAD[operation] if operation in BAD else self.contradiction(operation)
                self.refused(operation, bad, INVALID)
        for operation in ("CreateStream", "ListStreams", "GetRecords"):
            self.refused(operation, BAD[operation], INVALID)
        self.bad_start(start)
        self.in_use()
        self.busy()

    def contradiction(self, operation):
        """Without a stream, or where one of the two must be said, of two streams."""
        request = REQUESTS[operation]("s")
        if "StreamName" in request:
            self.refused(operation, {**request, "StreamARN": f"{ARN}other"}, INVALID, holds="does not match")
        return {name: value for name, value in request.items() if name not in ("StreamName", "StreamARN")}

    def denied(self, iterator):
        """What nobody may."""
        for operation, request in {**REQUESTS, "GetRecords": lambda _: {"ShardIterator": iterator}}.items():
            body = request("s")
            if "ConsumerARN" in body:
                continue
            self.refused(operation, body, DENIED, self.nobody, f"not authorized to perform: kinesis:{operation}")
        self.refused("SubscribeToShard", REQUESTS["SubscribeToShard"]("s"), DENIED, self.nobody)

    def bad_start(self, iterator):
        consumer = self.done("RegisterStreamConsumer", at("s", ConsumerName="c"))["Consumer"]["ConsumerARN"]
        self.consumer = {"ConsumerARN": consumer, "ShardId": SHARD}
        self.refused("SubscribeToShard", {**self.consumer, "StartingPosition": {"Type": "AT_TIMESTAMP"}}, INVALID)
        dry = {"DryRun": True}
        self.refused("SubscribeToShard", {**self.consumer, "StartingPosition": {"Type": "LATEST"}, **dry}, DRY)
        for operation in ("PutRecord", "PutRecords", "GetShardIterator"):
            self.refused(operation, {**REQUESTS[operation]("s"), **dry}, DRY)
        self.refused("GetRecords", {"ShardIterator": iterator, **dry}, DRY)
        # An iterator does not outlive its stream.
        self.done("CreateStream", of("gone", ShardCount=1))
        old = self.done("GetShardIterator", REQUESTS["GetShardIterator"]("gone"))["ShardIterator"]
        self.done("DeleteStream", of("gone"))
        self.refused("GetRecords", {"ShardIterator": old}, MISSING)

    def in_use(self):
        """Names that are taken, and what is being read."""
        self.refused("CreateStream", of("s", ShardCount=1), BUSY, holds="already exists")
        self.refused("RegisterStreamConsumer", at("s", ConsumerName="c"), BUSY, holds="already exists")
        self.refused("DeleteStream", of("s"), BUSY, holds="consumers")
        start = {**self.consumer, "StartingPosition": {"Type": "LATEST"}}
        status, open_answer = self.wire.call("SubscribeToShard", start, stream=True)
        assert status == 200, open_answer
        with open_answer:
            self.refused("SubscribeToShard", start, BUSY)
        self.done("DeleteStream", of("s", EnforceConsumerDeletion=True))

    def busy(self):
        """While shards are being split, most things have to wait."""
        waiting = [operation for operation, entry in TABLE.items() if entry["errors"].get(BUSY) == "errors"
                   and (operation, BUSY) not in self.seen]
        self.done("CreateStream", of("busy", ShardCount=SHARDS))
        count = SHARDS
        for operation in waiting:
            count = SHARDS // 2 if count == SHARDS else SHARDS
            self.done("UpdateShardCount", of("busy", TargetShardCount=count, ScalingType="UNIFORM_SCALING"))
            self.refused(operation, REQUESTS[operation]("busy"), BUSY, holds="not ACTIVE, instead in state UPDATING")
            self.settled("busy")
        self.done("DeleteStream", of("busy"))


# So many that splitting and merging them takes a while.
SHARDS = 128


def main():
    wanted = {(operation, code) for operation, entry in TABLE.items() for code, told in entry["errors"].items() if told == "errors"}
    for form in ("json", "cbor"):
        errors = Errors(form)
        errors.run()
        missing = wanted - errors.seen
        assert not missing, f"{form}: the table says that these are tested here: {sorted(missing)}"
        print(f"{len(errors.seen)} errors in {form}")


if __name__ == "__main__":
    main()
