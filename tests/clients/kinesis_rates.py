"""Each operation that the service takes only so many times per second says so when it comes too often. The server is to take one
per cent of the service's own rates, which is one call a second, of ListShards ten."""
from kinesis_errors import REQUESTS, SHARD, TABLE, at
from wire import Wire

ACCOUNT = "Rate exceeded for account 000000000000."
STREAM = "Rate exceeded for stream nowhere under account 000000000000."
# There is no such stream: what is refused for that has been counted.
INPUTS = {
    **{operation: request("nowhere") for operation, request in REQUESTS.items()},
    "CreateStream": {"StreamName": "nowhere", "RecordDistributionStrategy": "AUTO"},
    "ListStreams": {}, "DescribeLimits": {}, "DescribeAccountSettings": {},
    "UpdateAccountSettings": {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}},
    "RegisterStreamConsumer": at("nowhere", ConsumerName="new"),
}
wire, tested = Wire("json"), 0
for operation, entry in TABLE.items():
    for code, told in entry["errors"].items():
        if told != "rates":
            continue
        tested += 1
        said = [wire.call(operation, INPUTS[operation])[1] or {} for _ in range(30)]
        messages = {answer["message"] for answer in said if answer.get("__type") == code}
        wanted = ACCOUNT if operation in ("ListStreams", "DescribeLimits", "DescribeAccountSettings", "UpdateAccountSettings") else STREAM
        if operation == "GetShardIterator":
            wanted = f"Rate exceeded for shard {SHARD} in stream nowhere under account 000000000000."
        assert messages == {wanted}, (operation, said)
        # Not the first one.
        assert said[0].get("__type") != code, (operation, said[0])
assert tested > 20, tested
# What has no rate of its own is taken as often as it comes.
for operation in ("PutRecord", "PutRecords", "IncreaseStreamRetentionPeriod"):
    for _ in range(30):
        assert wire.call(operation, INPUTS[operation])[1]["__type"] == "ResourceNotFoundException", operation
print(f"{tested} operations have rates")
