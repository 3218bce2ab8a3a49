"""Settings of streams: tags, retention, capacity, record size, monitoring, encryption, policies, and the account's own."""
import json

from kinesis_client import client, create, refusal, same

kinesis = client()
create(kinesis, "s", 2, Tags={"made": "with it"})
arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
invalid, missing = "InvalidArgumentException", "ResourceNotFoundException"


def summary(name="s"):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


# Tags, in both ways to say them.
tags = lambda: {tag["Key"]: tag["Value"] for tag in kinesis.list_tags_for_stream(StreamName="s")["Tags"]}
same(tags(), {"made": "with it"})
kinesis.add_tags_to_stream(StreamName="s", Tags={"a": "1", "b": "", "ä/=+-@:. _": "ü"})
kinesis.tag_resource(ResourceARN=arn, Tags={"a": "2"})
same(tags(), {"made": "with it", "a": "2", "b": "", "ä/=+-@:. _": "ü"})
same(kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"], kinesis.list_tags_for_stream(StreamName="s")["Tags"])
page = kinesis.list_tags_for_stream(StreamName="s", Limit=2)
same(([tag["Key"] for tag in page["Tags"]], page["HasMoreTags"]), (["a", "b"], True))
page = kinesis.list_tags_for_stream(StreamName="s", ExclusiveStartTagKey="b")
same(([tag["Key"] for tag in page["Tags"]], page["HasMoreTags"]), (["made", "ä/=+-@:. _"], False))
kinesis.remove_tags_from_stream(StreamName="s", TagKeys=["b", "never"])
kinesis.untag_resource(ResourceARN=arn, TagKeys=["made"])
same(tags(), {"a": "2", "ä/=+-@:. _": "ü"})
same(refusal(kinesis.add_tags_to_stream, StreamName="s", Tags={"a": "<"})[0], invalid)
same(refusal(kinesis.add_tags_to_stream, StreamName="s", Tags={str(number): "" for number in range(49)})[0], invalid)
kinesis.add_tags_to_stream(StreamName="s", Tags={str(number): "" for number in range(48)})
same(len(tags()), 50)
same(refusal(kinesis.add_tags_to_stream, StreamName="s", Tags={"": "x"})[0], "ValidationException")
same(refusal(kinesis.tag_resource, ResourceARN=arn.replace("stream/s", "stream/x"), Tags={"a": ""})[0], missing)

# Retention.
kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
same(summary()["RetentionPeriodHours"], 48)
same(refusal(kinesis.increase_stream_retention_period, StreamName="s", RetentionPeriodHours=24)[0], invalid)
same(refusal(kinesis.decrease_stream_retention_period, StreamName="s", RetentionPeriodHours=49)[0], invalid)
same(refusal(kinesis.decrease_stream_retention_period, StreamName="s", RetentionPeriodHours=23),
     (invalid, "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."))
same(refusal(kinesis.increase_stream_retention_period, StreamName="s", RetentionPeriodHours=8761),
     (invalid, "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long."))
kinesis.decrease_stream_retention_period(StreamARN=arn, RetentionPeriodHours=24)
same(summary()["RetentionPeriodHours"], 24)

# Enhanced monitoring.
answer = kinesis.enable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["OutgoingBytes", "IncomingBytes"])
same((answer["CurrentShardLevelMetrics"], answer["DesiredShardLevelMetrics"], answer["StreamARN"]),
     ([], ["IncomingBytes", "OutgoingBytes"], arn))
answer = kinesis.disable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["OutgoingBytes"])
same(answer["DesiredShardLevelMetrics"], ["IncomingBytes"])
same(summary()["EnhancedMonitoring"], [{"ShardLevelMetrics": ["IncomingBytes"]}])
same(len(kinesis.enable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["ALL"])["DesiredShardLevelMetrics"]), 7)
same(kinesis.disable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["ALL"])["DesiredShardLevelMetrics"], [])

# Encryption: sealed in any case, but answers say so only if it was asked for.
put = lambda **more: kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="a", **more)
assert "EncryptionType" not in put()
settled = lambda: kinesis.get_waiter("stream_exists").wait(StreamName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId="alias/aws/kinesis")
settled()
same((summary()["EncryptionType"], summary()["KeyId"]), ("KMS", "alias/aws/kinesis"))
same(put()["EncryptionType"], "KMS")
same(refusal(kinesis.start_stream_encryption, StreamName="s", EncryptionType="KMS", KeyId="alias/other")[0],
     "KMSNotFoundException")
same(refusal(kinesis.start_stream_encryption, StreamName="s", EncryptionType="NONE", KeyId="alias/aws/kinesis")[0],
     "ValidationException")
kinesis.stop_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId="alias/aws/kinesis")
settled()
same(summary()["EncryptionType"], "NONE")

# Capacity and record size.
kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
same(summary()["MaxRecordSizeInKiB"], 2048)
kinesis.put_record(StreamName="s", Data=b"x" * ((2 << 20) - 1), PartitionKey="a")
same(refusal(kinesis.update_max_record_size, StreamARN=arn, MaxRecordSizeInKiB=1023)[0], "ValidationException")
same(refusal(kinesis.update_stream_record_distribution_strategy, StreamARN=arn, RecordDistributionStrategy="AUTO")[0], invalid)
same(refusal(kinesis.update_stream_warm_throughput, StreamARN=arn, WarmThroughputMiBps=5)[0], invalid)
kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
same(summary()["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})
same(kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=5)["WarmThroughput"]["TargetMiBps"], 5)
same(summary()["WarmThroughput"]["TargetMiBps"], 5)
kinesis.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
same(summary()["RecordDistributionStrategy"], "AUTO")
placed = {kinesis.put_record(StreamName="s", Data=b"")["ShardId"] for _ in range(64)}
same(len(placed), 2)
kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
assert "RecordDistributionStrategy" not in summary() and "WarmThroughput" not in summary()

# Policies.
same(kinesis.get_resource_policy(ResourceARN=arn)["Policy"], "{}")
same(refusal(kinesis.delete_resource_policy, ResourceARN=arn), (missing, f"No resource policy found for resource ARN {arn}"))
policy = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "kinesis:GetRecords", "Resource": arn}]})
kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
same(kinesis.get_resource_policy(ResourceARN=arn)["Policy"], policy)
same(refusal(kinesis.put_resource_policy, ResourceARN=arn, Policy="{")[0], invalid)
kinesis.delete_resource_policy(ResourceARN=arn)
same(kinesis.get_resource_policy(ResourceARN=arn)["Policy"], "{}")

# The account.
limits = kinesis.describe_limits()
same((limits["OpenShardCount"], limits["OnDemandStreamCount"]), (2, 0))
commitment = lambda answer: answer["MinimumThroughputBillingCommitment"]
same(commitment(kinesis.describe_account_settings()), {"Status": "DISABLED"})
enabled = commitment(kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"}))
same(enabled["Status"], "ENABLED")
same(commitment(kinesis.describe_account_settings()), enabled)
same(commitment(kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"}))["Status"],
     "ENABLED_UNTIL_EARLIEST_ALLOWED_END")
