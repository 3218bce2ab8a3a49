"""The daemon by which programs in other languages than Java consume a stream: here one in Python, by the vendor's own package.

It must see everything once at least, and the end of a shard that is split meanwhile. Its leases lie in moto's DynamoDB.
"""
import pathlib
import subprocess
import sys
import tempfile
import time

import emulated
import java
from kinesis_client import ENDPOINT, client, create

STREAM = "multilang"
SECONDS = 240
PROCESSOR = pathlib.Path(__file__).with_name("multilang_processor.py")


def properties(dynamo):
    return f"""
executableName = {sys.executable} {PROCESSOR}
streamName = {STREAM}
applicationName = multilang-app
AwsCredentialsProvider = EnvironmentVariableCredentialsProvider
processingLanguage = python/3
initialPositionInStream = TRIM_HORIZON
regionName = us-east-1
kinesisEndpoint = {ENDPOINT}
dynamoDBEndpoint = {dynamo}
metricsLevel = NONE
idleTimeBetweenReadsInMillis = 250
retrievalMode = POLLING
failoverTimeMillis = 2000
shardSyncIntervalMillis = 2000
parentShardPollIntervalMillis = 500
"""


def put(kinesis, numbers):
    records = [{"Data": f"{number}".encode(), "PartitionKey": f"key-{number % 10}"} for number in numbers]
    answer = kinesis.put_records(StreamName=STREAM, Records=records)
    assert answer["FailedRecordCount"] == 0, answer


def seen_in(path):
    words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    records = {int(line[2]) for line in words if line[0] == "RECORD"}
    return records, {line[1] for line in words if line[0] == "END"}


def await_seen(daemon, log, path, count, ended):
    deadline = time.monotonic() + SECONDS
    while True:
        records, ends = seen_in(path)
        if records >= set(range(count)) and ends >= ended:
            return
        alive = daemon.poll() is None and time.monotonic() < deadline
        missing = sorted(set(range(count)) - records)
        assert alive, f"not seen: {missing}, ended: {ends}\n{log.read_text()[-6000:]}"
        time.sleep(0.2)


def main():
    dynamo, port = emulated.start()
    kinesis = client()
    create(kinesis, STREAM, shards=1)
    put(kinesis, range(100))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        settings, path, log = folder / "app.properties", folder / "seen", folder / "log"
        settings.write_text(properties(f"http://127.0.0.1:{port}"))
        words = java.command("software.amazon.kinesis.multilang.MultiLangDaemon", "--properties-file", str(settings))
        with log.open("w") as said:
            daemon = subprocess.Popen(
                words, env={**java.environment(), "SEEN": str(path)}, stdout=said, stderr=subprocess.STDOUT
            )
        try:
            await_seen(daemon, log, path, 100, set())
            shard = kinesis.list_shards(StreamName=STREAM)["Shards"][0]["ShardId"]
            kinesis.split_shard(StreamName=STREAM, ShardToSplit=shard, NewStartingHashKey=str(2**127))
            put(kinesis, range(100, 200))
            await_seen(daemon, log, path, 200, {shard})
        finally:
            daemon.terminate()  # ends its own children, too
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
            dynamo.stop()
    print("200 records and the end of a shard, by way of the daemon")


if __name__ == "__main__":
    sys.exit(main())
