"""The life of streams: made, waited for, described, listed page by page, deleted."""
from kinesis_client import client, create, refusal, same

kinesis = client()

names = [f"stream-{number:03}" for number in range(12)]
for number, name in enumerate(names):
    create(kinesis, name, 1 + number % 3)

stream = kinesis.describe_stream(StreamName="stream-002")["StreamDescription"]
arn = "arn:aws:kinesis:us-east-1:000000000000:stream/stream-002"
same(stream["StreamARN"], arn)
same((stream["StreamStatus"], stream["RetentionPeriodHours"], stream["EncryptionType"]), ("ACTIVE", 24, "NONE"))
same(stream["StreamModeDetails"], {"StreamMode": "PROVISIONED"})
same(stream["EnhancedMonitoring"], [{"ShardLevelMetrics": []}])
same([shard["ShardId"] for shard in stream["Shards"]], [f"shardId-{index:012}" for index in range(3)])
ranges = [shard["HashKeyRange"] for shard in stream["Shards"]]
same(ranges[0]["StartingHashKey"], "0")
same(ranges[2]["EndingHashKey"], str(2**128 - 1))
same(int(ranges[1]["StartingHashKey"]), 2**128 // 3)
starts = [int(shard["SequenceNumberRange"]["StartingSequenceNumber"]) for shard in stream["Shards"]]
same([second - first for first, second in zip(starts, starts[1:])], [2**144 + 16] * 2)
same(starts[0].bit_length(), 186)
same(kinesis.describe_stream(StreamARN=arn)["StreamDescription"], stream)
first = kinesis.describe_stream(StreamName="stream-002", Limit=2)["StreamDescription"]
same((len(first["Shards"]), first["HasMoreShards"]), (2, True))
rest = kinesis.describe_stream(StreamName="stream-002", ExclusiveStartShardId=first["Shards"][1]["ShardId"])
same((rest["StreamDescription"]["Shards"], rest["StreamDescription"]["HasMoreShards"]), (stream["Shards"][2:], False))
pages = kinesis.get_paginator("describe_stream").paginate(StreamName="stream-002", PaginationConfig={"PageSize": 1})
same([shard for page in pages for shard in page["StreamDescription"]["Shards"]], stream["Shards"])

summary = kinesis.describe_stream_summary(StreamName="stream-002")["StreamDescriptionSummary"]
same((summary["OpenShardCount"], summary["ConsumerCount"], summary["MaxRecordSizeInKiB"]), (3, 0, 1024))
same(summary["StreamCreationTimestamp"], stream["StreamCreationTimestamp"])

pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 5}))
same([name for page in pages for name in page["StreamNames"]], names)
same([len(page["StreamNames"]) for page in pages], [5, 5, 2])
listed = kinesis.list_streams(Limit=1, ExclusiveStartStreamName="stream-001")
same((listed["StreamNames"], listed["HasMoreStreams"]), (["stream-002"], True))
same(listed["StreamSummaries"][0]["StreamARN"], arn)

answer = kinesis.list_shards(StreamName="stream-002", MaxResults=2)
same(answer["Shards"], stream["Shards"][:2])
same(kinesis.list_shards(NextToken=answer["NextToken"])["Shards"], stream["Shards"][2:])
token = answer["NextToken"]
same(refusal(kinesis.list_shards, NextToken=token, StreamName="stream-002")[0], "InvalidArgumentException")
same(refusal(kinesis.list_shards, NextToken=token[:-8] + "AAAAAAA=")[0], "InvalidArgumentException")
for shard_filter, count in [
    ({"Type": "AT_LATEST"}, 3),
    ({"Type": "AT_TRIM_HORIZON"}, 3),
    ({"Type": "FROM_TRIM_HORIZON"}, 3),
    ({"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000000"}, 2),
    ({"Type": "AT_TIMESTAMP", "Timestamp": stream["StreamCreationTimestamp"]}, 3),
    ({"Type": "FROM_TIMESTAMP", "Timestamp": 0}, 3),
]:
    same(len(kinesis.list_shards(StreamName="stream-002", ShardFilter=shard_filter)["Shards"]), count)

kinesis.create_stream(StreamName="unsaid")
same(kinesis.describe_stream_summary(StreamName="unsaid")["StreamDescriptionSummary"]["OpenShardCount"], 4)
kinesis.create_stream(StreamName="demand", StreamModeDetails={"StreamMode": "ON_DEMAND"}, MaxRecordSizeInKiB=2048,
                      Tags={"a": "b"})
summary = kinesis.describe_stream_summary(StreamName="demand")["StreamDescriptionSummary"]
same(summary["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})
same((summary["MaxRecordSizeInKiB"], summary["RecordDistributionStrategy"]), (2048, "USER_PARTITION_KEY"))

same(refusal(kinesis.create_stream, StreamName="unsaid", ShardCount=1),
     ("ResourceInUseException", "Stream unsaid under account 000000000000 already exists."))
kinesis.delete_stream(StreamName="unsaid")
kinesis.get_waiter("stream_not_exists").wait(StreamName="unsaid", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
gone = ("ResourceNotFoundException", "Stream unsaid under account 000000000000 not found.")
same(refusal(kinesis.describe_stream, StreamName="unsaid"), gone)
same(refusal(kinesis.delete_stream, StreamName="unsaid"), gone)
same(refusal(kinesis.put_record, StreamName="unsaid", Data=b"", PartitionKey="a"), gone)
create(kinesis, "unsaid")
