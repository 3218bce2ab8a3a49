"""Every operation, asked with every input field in the table, answers every output field in the table, of the type that the
model says and no others; in JSON and in CBOR."""
import json
import time

from botocore.eventstream import EventStreamBuffer

from contract import Contract
from wire import At, Wire

CONTRACT = Contract("kinesis")
MODEL = CONTRACT.model
TYPES = {"json": {"blob": str, "timestamp": (int, float)}, "cbor": {"blob": bytes, "timestamp": int}}
PLAIN = {"string": str, "integer": int, "long": int, "boolean": bool, "list": list, "structure": dict, "map": dict}


class Walk:
    """What was asked and answered so far, through one content type."""

    def __init__(self, form):
        self.wire, self.asked, self.answered = Wire(form), set(), set()

    def note(self, operation, value, shape, path, into, form=None):
        if path and into is self.answered:
            wanted = {**PLAIN, **TYPES[form or self.wire.form]}[shape.type_name]
            assert isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)), (operation, path, value)
        if path:
            into.add((operation, ".".join(path)))
        if shape.type_name == "structure":
            for name, member in value.items():
                assert name in shape.members, f"{operation} answers {'.'.join((*path, name))}, which the model has not"
                self.note(operation, member, shape.members[name], (*path, name), into, form)
        elif shape.type_name == "list":
            for one in value:
                self.note(operation, one, shape.member, (*path, "*"), into, form)
        elif shape.type_name == "map":
            for key, one in value.items():
                self.note(operation, key, shape.key, (*path, "key"), into, form)
                self.note(operation, one, shape.value, (*path, "value"), into, form)

    def ask(self, operation, dry=False, **body):
        model = MODEL.operation_model(operation)
        if model.input_shape:
            self.reserved(body, model)
            self.note(operation, body, model.input_shape, (), self.asked)
        status, answer = self.wire.call(operation, body)
        if dry:
            assert (status, answer["__type"]) == (400, "DryRunOperationException"), (operation, body, answer)
            return None
        assert status == 200, (operation, body, answer)
        if model.output_shape and model.output_shape.members:
            self.note(operation, answer, model.output_shape, (), self.answered)
        else:
            assert answer is None, (operation, answer)
        return answer

    def reserved(self, body, model):
        """With an id of the stream where that may be said: it makes no difference, in the service neither."""
        if "StreamId" in model.input_shape.members:
            body["StreamId"] = "abcdefghij0123456789-abc"

    def settled(self, name):
        for _ in range(500):
            summary = self.ask("DescribeStreamSummary", StreamName=name)["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                return summary
            time.sleep(0.02)
        raise AssertionError(f"{name} is still {summary['StreamStatus']}")

    def both(self, operation, arn, **body):
        """With the stream said by its name and by its ARN."""
        return self.ask(operation, StreamName=arn.rpartition("/")[2], StreamARN=arn, **body)

    def subscribe(self, until, **body):
        """Events of a subscription up to one that is enough."""
        operation = "SubscribeToShard"
        model = MODEL.operation_model(operation)
        self.reserved(body, model)
        self.note(operation, body, model.input_shape, (), self.asked)
        status, answer = self.wire.call(operation, body, stream=True)
        assert status == 200, answer
        buffer = EventStreamBuffer()
        with answer:
            for piece in answer.iter_content(None):
                buffer.add_data(piece)
                for message in buffer:
                    kind = message.headers[":event-type"]
                    event = json.loads(message.payload)
                    if kind == "initial-response":
                        continue
                    # Events are JSON whatever the request was.
                    self.note(operation, {"EventStream": {kind: event}}, model.output_shape, (), self.answered, "json")
                    if until(event):
                        return
        raise AssertionError("the subscription ended too early")


def streams(walk, arn, name):
    walk.ask("CreateStream", StreamName=name, ShardCount=2, StreamModeDetails={"StreamMode": "PROVISIONED"},
             Tags={"made": "with it"}, MaxRecordSizeInKiB=1024)
    walk.ask("CreateStream", StreamName=f"{name}-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"}, WarmThroughputMiBps=4,
             RecordDistributionStrategy="AUTO")
    walk.both("DescribeStreamSummary", f"{arn}-demand")
    page = walk.ask("ListStreams", Limit=1, ExclusiveStartStreamName=name[:-1])
    walk.ask("ListStreams", NextToken=page["NextToken"])
    walk.both("AddTagsToStream", arn, Tags={"a": "1", "b": ""})
    walk.both("ListTagsForStream", arn, ExclusiveStartTagKey="a", Limit=1)
    walk.both("RemoveTagsFromStream", arn, TagKeys=["a"])
    walk.ask("TagResource", ResourceARN=arn, Tags={"a": "1"})
    walk.ask("ListTagsForResource", ResourceARN=arn)
    walk.ask("UntagResource", ResourceARN=arn, TagKeys=["a"])
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "kinesis:GetRecords", "Resource": arn}]}
    walk.ask("PutResourcePolicy", ResourceARN=arn, Policy=json.dumps(policy))
    walk.ask("GetResourcePolicy", ResourceARN=arn)
    walk.ask("DeleteResourcePolicy", ResourceARN=arn)
    walk.both("IncreaseStreamRetentionPeriod", arn, RetentionPeriodHours=48)
    walk.both("DecreaseStreamRetentionPeriod", arn, RetentionPeriodHours=24)
    walk.both("EnableEnhancedMonitoring", arn, ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
    walk.both("EnableEnhancedMonitoring", arn, ShardLevelMetrics=["IncomingRecords"])
    walk.both("DisableEnhancedMonitoring", arn, ShardLevelMetrics=["IncomingRecords"])
    walk.ask("UpdateMaxRecordSize", StreamARN=arn, MaxRecordSizeInKiB=2048)
    walk.ask("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}, WarmThroughputMiBps=4)
    walk.both("UpdateStreamWarmThroughput", arn, WarmThroughputMiBps=5)
    walk.ask("UpdateStreamRecordDistributionStrategy", StreamARN=arn, RecordDistributionStrategy="USER_PARTITION_KEY")
    walk.ask("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    walk.both("StartStreamEncryption", arn, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    walk.settled(name)


def records(walk, arn, began):
    key = {"PartitionKey": "k", "ExplicitHashKey": "0"}
    first = walk.both("PutRecord", arn, Data=b"one", **key)["SequenceNumber"]
    walk.both("PutRecord", arn, Data=b"two", SequenceNumberForOrdering=first, **key)
    walk.both("PutRecords", arn, Records=[{"Data": b"three", **key}])
    iterator = lambda kind, **more: walk.both("GetShardIterator", arn, ShardId="shardId-000000000000", ShardIteratorType=kind, **more)
    iterator("AT_TIMESTAMP", Timestamp=At(began))
    at = iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber=first)["ShardIterator"]
    answer = walk.ask("GetRecords", ShardIterator=at, Limit=10, StreamARN=arn)
    assert len(answer["Records"]) == 3, answer
    walk.ask("GetRecords", dry=True, ShardIterator=at, DryRun=True)
    walk.ask("PutRecord", dry=True, StreamARN=arn, Data=b"", PartitionKey="k", DryRun=True)
    walk.ask("PutRecords", dry=True, StreamARN=arn, Records=[{"Data": b"", "PartitionKey": "k"}], DryRun=True)
    walk.ask("GetShardIterator", dry=True, StreamARN=arn, ShardId="0", ShardIteratorType="LATEST", DryRun=True)
    return first, at


def shards(walk, arn, name, at):
    summary = walk.settled(name)
    shard = lambda number: f"shardId-{number:012}"
    walk.both("SplitShard", arn, ShardToSplit=shard(0), NewStartingHashKey=str(1 << 126))
    walk.settled(name)
    answer = walk.ask("GetRecords", ShardIterator=at, Limit=10)
    assert len(answer["ChildShards"]) == 2 and "NextShardIterator" not in answer, answer
    walk.both("MergeShards", arn, ShardToMerge=shard(2), AdjacentShardToMerge=shard(3))
    walk.settled(name)
    walk.both("UpdateShardCount", arn, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    walk.settled(name)
    walk.both("DescribeStream", arn, Limit=50, ExclusiveStartShardId=shard(0))
    made = {"StreamCreationTimestamp": At(created_ms(walk, summary))}
    walk.both("ListShards", arn, ExclusiveStartShardId=shard(0), **made)
    walk.both("ListShards", arn, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": shard(1)})
    page = walk.both("ListShards", arn, MaxResults=1, ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": made["StreamCreationTimestamp"]})
    walk.ask("ListShards", NextToken=page["NextToken"])


def created_ms(walk, summary):
    created = summary["StreamCreationTimestamp"]
    return created if walk.wire.form == "cbor" else round(created * 1000)


def consumers(walk, arn, name, first, began):
    for consumer in "ab":
        answer = walk.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName=consumer, Tags={"a": ""})
    one = answer["Consumer"]["ConsumerARN"]
    made = At(created_ms(walk, walk.settled(name)))
    page = walk.ask("ListStreamConsumers", StreamARN=arn, MaxResults=1, StreamCreationTimestamp=made)
    walk.ask("ListStreamConsumers", StreamARN=arn, NextToken=page["NextToken"])
    walk.ask("DescribeStreamConsumer", ConsumerARN=one)
    walk.ask("DescribeStreamConsumer", StreamARN=arn, ConsumerName="a")
    start = {"ConsumerARN": one, "ShardId": "shardId-000000000000"}
    at = {"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": first}
    walk.ask("SubscribeToShard", dry=True, StartingPosition=at, DryRun=True, **start)
    # The shard was split: its records come, then its children.
    walk.subscribe(lambda event: event.get("ChildShards"), StartingPosition=at, **start)
    start["ShardId"] = walk.ask("ListShards", StreamARN=arn, ShardFilter={"Type": "AT_LATEST"})["Shards"][0]["ShardId"]
    walk.subscribe(lambda event: True, StartingPosition={"Type": "AT_TIMESTAMP", "Timestamp": At(began)}, **start)
    walk.ask("DeregisterStreamConsumer", ConsumerARN=one)
    walk.ask("DeregisterStreamConsumer", StreamARN=arn, ConsumerName="a")


def account(walk):
    walk.ask("DescribeLimits")
    walk.ask("DescribeAccountSettings")
    for status in ("ENABLED", "DISABLED"):
        walk.ask("UpdateAccountSettings", MinimumThroughputBillingCommitment={"Status": status})
    walk.ask("DescribeAccountSettings")


def main():
    for form in ("json", "cbor"):
        walk, name, began = Walk(form), f"answers-{form}", int(time.time() * 1000) - 1
        arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"
        streams(walk, arn, name)
        first, at = records(walk, arn, began)
        shards(walk, arn, name, at)
        consumers(walk, arn, name, first, began)
        account(walk)
        walk.both("StopStreamEncryption", arn, EncryptionType="KMS", KeyId="alias/aws/kinesis")
        walk.settled(name)
        walk.both("DeleteStream", arn, EnforceConsumerDeletion=True)
        missing = CONTRACT.expected("input", lambda told: "ignored" in told) - walk.asked
        assert not missing, f"{form}: not asked with: {sorted(missing)}"
        missing = CONTRACT.expected("output", lambda told: told != "answers") - walk.answered
        assert not missing, f"{form}: never answered: {sorted(missing)}"
        more = walk.answered - CONTRACT.expected("output", lambda told: told.startswith("never: "))
        assert not more, f"{form}: answered, though the table says never: {sorted(more)}"
        print(f"{len(walk.asked)} input and {len(walk.answered)} output fields in {form}")


if __name__ == "__main__":
    main()
