"""What the Kinesis scripts share: a boto3 client of the server under test, and refusals as (code, message)."""
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["ENDPOINT"]
REGION = "us-east-1"


def client(service="kinesis", **overrides):
    settings = dict(
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id=os.environ["KEY_ID"],
        aws_secret_access_key=os.environ["SECRET"],
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    settings.update(overrides)
    return boto3.client(service, **settings)


def refusal(call, **arguments):
    """The code and message of the error that a call must end in."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__}({arguments}) was not refused but answered {answer}")


def same(found, wanted):
    assert found == wanted, f"found  {found!r}\nwanted {wanted!r}"


def create(kinesis, name, shards=1, **more):
    kinesis.create_stream(StreamName=name, ShardCount=shards, **more)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def iterator(kinesis, name, shard, kind="TRIM_HORIZON", **more):
    return kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]


def read(kinesis, start, limit=10000):
    """All records from an iterator up to the tip."""
    records, at = [], start
    for _ in range(10000):
        answer = kinesis.get_records(ShardIterator=at, Limit=limit)
        records += answer["Records"]
        assert answer["NextShardIterator"] != at, "an iterator came twice"
        at = answer["NextShardIterator"]
        if answer["MillisBehindLatest"] == 0:
            return records
    raise AssertionError("the tip was never reached")


def shards_of(kinesis, name):
    return [shard["ShardId"] for page in kinesis.get_paginator("list_shards").paginate(StreamName=name)
            for shard in page["Shards"]]
