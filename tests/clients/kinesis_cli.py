"""The AWS command line, as somebody would type it."""
import base64
import json
import os
import pathlib
import subprocess
import sys

AWS = pathlib.Path(sys.prefix) / "bin/aws"
STREAM = "from-the-shell"
ENVIRONMENT = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": os.environ["KEY_ID"],
    "AWS_SECRET_ACCESS_KEY": os.environ["SECRET"],
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_PAGER": "",
}


def aws(*words, fails=False):
    command = [AWS, "--endpoint-url", os.environ["ENDPOINT"], "--output", "json", *words]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    if fails:
        assert done.returncode != 0, f"{words} was not refused: {done.stdout}"
        return done.stderr
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def kinesis(*words, **options):
    return aws("kinesis", *words, **options)


def main():
    kinesis("create-stream", "--stream-name", STREAM, "--shard-count", "2")
    kinesis("wait", "stream-exists", "--stream-name", STREAM)
    assert STREAM in kinesis("list-streams")["StreamNames"]
    put = kinesis("put-record", "--stream-name", STREAM, "--partition-key", "k", "--data", "hållo")
    from_start = ("--stream-name", STREAM, "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    iterator = kinesis("get-shard-iterator", *from_start)["ShardIterator"]
    [record] = kinesis("get-records", "--shard-iterator", iterator)["Records"]
    data = base64.b64decode(record["Data"]).decode()
    assert (data, record["PartitionKey"]) == ("hållo", "k"), record
    assert record["SequenceNumber"] == put["SequenceNumber"], (record, put)
    summary = kinesis("describe-stream-summary", "--stream-name", STREAM)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2, summary
    said = kinesis("describe-stream", "--stream-name", "nowhere", fails=True)
    assert "ResourceNotFoundException" in said and "nowhere" in said, said
    kinesis("delete-stream", "--stream-name", STREAM)
    kinesis("wait", "stream-not-exists", "--stream-name", STREAM)
    print("the command line is content")


if __name__ == "__main__":
    main()
