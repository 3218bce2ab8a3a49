"""The Kinesis Client Library consumes a stream, polling and by fan-out, while its shards are split and merged.

Its leases lie in moto's DynamoDB. Everything put must come at least once, the records of a key in order, and the shards
that were closed must be said to have ended.
"""
import queue
import subprocess
import sys
import tempfile
import threading
import time

import emulated
import java
from kinesis_client import ENDPOINT, client, create

STREAM = "kcl"
KEYS = 20
SECONDS = 240


class Consumer:
    """A running consumer and what it has said so far."""

    def __init__(self, mode, dynamo):
        self.mode, self.lines, self.seen, self.ended = mode, queue.Queue(), [], set()
        self.log = tempfile.TemporaryFile()
        words = java.command("Consumer", ENDPOINT, dynamo, STREAM, f"app-{mode}", mode)
        self.process = subprocess.Popen(
            words, env=java.environment(), stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.split())

    def take(self):
        while True:
            try:
                words = self.lines.get_nowait()
            except queue.Empty:
                return
            if words[:1] == ["RECORD"]:
                self.seen.append((words[2], int(words[3])))
            elif words[:1] == ["END"]:
                self.ended.add(words[1])
            elif words[:1] == ["FAILED"]:
                raise AssertionError(f"{self.mode}: {' '.join(words)}")

    def explain(self):
        self.log.seek(0)
        return f"{self.mode}: {len(self.seen)} records, ended {sorted(self.ended)}\n{self.log.read()[-6000:].decode()}"


def await_all(consumers, what, done):
    deadline = time.monotonic() + SECONDS
    while not all(done(consumer) for consumer in consumers):
        for consumer in consumers:
            consumer.take()
            assert consumer.process.poll() is None, consumer.explain()
        if time.monotonic() > deadline:
            raise AssertionError(f"not {what} in time\n" + "\n".join(one.explain() for one in consumers))
        time.sleep(0.1)


def put(kinesis, numbers):
    records = [{"Data": f"{number}".encode(), "PartitionKey": f"key-{number % KEYS}"} for number in numbers]
    answer = kinesis.put_records(StreamName=STREAM, Records=records)
    assert answer["FailedRecordCount"] == 0, answer


def await_active(kinesis):
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def reshard(kinesis):
    first, second = kinesis.list_shards(StreamName=STREAM)["Shards"]
    start, end = (int(first["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    kinesis.split_shard(StreamName=STREAM, ShardToSplit=first["ShardId"], NewStartingHashKey=str((start + end) // 2))
    put(kinesis, range(200, 300))
    await_active(kinesis)
    put(kinesis, range(300, 400))
    upper = kinesis.list_shards(StreamName=STREAM)["Shards"][3]
    kinesis.merge_shards(StreamName=STREAM, ShardToMerge=upper["ShardId"], AdjacentShardToMerge=second["ShardId"])
    put(kinesis, range(400, 500))
    await_active(kinesis)
    return {first["ShardId"], second["ShardId"], upper["ShardId"]}


def check(consumer, count):
    numbers = {number for _, number in consumer.seen}
    missing = sorted(set(range(count)) - numbers)
    assert not missing, f"{consumer.mode} never saw {missing}"
    for key in {key for key, _ in consumer.seen}:
        of_key = [number for one, number in consumer.seen if one == key]
        firsts = list(dict.fromkeys(of_key))  # what comes a second time is allowed
        assert firsts == sorted(firsts), f"{consumer.mode}: {key} came as {of_key}"
    print(f"{consumer.mode}: {len(consumer.seen)} records, {len(consumer.ended)} shards ended")


def main():
    dynamo, port = emulated.start()
    address = f"http://127.0.0.1:{port}"
    kinesis = client()
    create(kinesis, STREAM, shards=2)
    put(kinesis, range(200))
    consumers = [Consumer(mode, address) for mode in ("polling", "fan-out")]
    try:
        await_all(consumers, "at the tip", lambda one: len({n for _, n in one.seen}) >= 200)
        closed = reshard(kinesis)
        put(kinesis, range(500, 600))
        await_all(
            consumers, "behind the reshard",
            lambda one: len({n for _, n in one.seen}) >= 600 and closed <= one.ended,
        )
        for consumer in consumers:
            check(consumer, 600)
    finally:
        for consumer in consumers:
            consumer.process.kill()
        dynamo.stop()


if __name__ == "__main__":
    sys.exit(main())
