"""Random operations, right ones and wrong ones, against us and against kinesalite, whose author checked it against the service.

The answers must be the same in everything that kinesalite claims: members, errors and their texts. What is given out
differently on purpose (sequence numbers, iterators, times) is compared by its place in the order.

usage: kinesis_random.py STEPS SEED
"""
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KINESALITE = pathlib.Path(__file__).parent / "node/node_modules/.bin/kinesalite"
NAMES = ["one", "two", "three"]
SHARD_LIMIT = 40
# What kinesalite does not know yet, or never knew right.
UNTOLD = {
    "StreamModeDetails", "StreamSummaries", "NextToken", "KeyId", "MillisBehindLatest", "ChildShards", "StreamCreationTimestamp",
    "StreamARN", "OnDemandStreamCount", "OnDemandStreamCountLimit", "WarmThroughput", "MaxRecordSizeInKiB",
}
PLACED = {"SequenceNumber", "StartingSequenceNumber", "EndingSequenceNumber"}


class Service:
    """One of the two, and what it has given out."""

    def __init__(self, name, endpoint, key_id, secret):
        self.name, self.endpoint, self.credentials = name, endpoint, Credentials(key_id, secret)
        self.session, self.iterators, self.sequences = requests.Session(), [], {}
        self.session.trust_env = False

    def call(self, operation, body):
        headers = {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", f"{self.endpoint}/", headers=headers, data=json.dumps(self.filled(body)))
        SigV4Auth(self.credentials, "kinesis", "us-east-1").add_auth(request)
        answer = self.session.post(request.url, data=request.body, headers=dict(request.headers), timeout=20)
        return answer.status_code, json.loads(answer.text) if answer.text else None

    def filled(self, value):
        """With its own iterator or sequence number where the request has a place for one."""
        if isinstance(value, dict):
            if "iterator" in value:
                return self.chosen(value)[1]
            if "sequence" in value:
                known = self.sequences[value["sequence"]]
                return known[value["at"] % len(known)]
            return {name: self.filled(member) for name, member in value.items()}
        return [self.filled(one) for one in value] if isinstance(value, list) else value

    def chosen(self, iterator):
        """An iterator, and the stream that it is of."""
        return self.iterators[iterator["iterator"] % len(self.iterators)] if self.iterators else ("", "none")

    def learn(self, operation, body, status, answer):
        if operation == "DeleteStream" and status == 200:
            # A stream made again under the same name is another one here; there it goes on with the old iterators.
            self.iterators = [one for one in self.iterators if one[0] != body["StreamName"]]
            self.sequences = {at: known for at, known in self.sequences.items() if at.split("/")[0] != body["StreamName"]}
        if not isinstance(answer, dict):
            return
        if answer.get("ShardIterator"):
            self.iterators.append((body["StreamName"], answer["ShardIterator"]))
        entries = [answer] if operation == "PutRecord" else answer.get("Records", []) if operation == "PutRecords" else []
        for entry in entries:
            if entry.get("SequenceNumber"):
                place = (body["StreamName"], entry["ShardId"])
                self.sequences.setdefault("/".join(place), []).append(entry["SequenceNumber"])

    def comparable(self, value, name=None):
        """Without what cannot be the same."""
        if isinstance(value, dict):
            return {
                member: self.comparable(inner, member) for member, inner in sorted(value.items())
                if member not in UNTOLD and inner is not None
            }
        if isinstance(value, list):
            return [self.comparable(one, name) for one in value]
        if name in PLACED:
            return "a sequence number"
        if name in ("ShardIterator", "NextShardIterator"):
            return "an iterator"
        if name == "ApproximateArrivalTimestamp":
            assert abs(value - time.time()) < 600, f"{self.name}: arrival {value}"
            return "a time"
        if isinstance(value, str):
            for numbers in self.sequences.values():
                for number in numbers:
                    value = value.replace(number, "a sequence number")
        return value


class Both:
    def __init__(self, services, seed):
        self.services, self.random, self.seed = services, random.Random(seed), seed

    def step(self, number, operation, body):
        answers, plain = [], []
        for service in self.services:
            status, answer = service.call(operation, body)
            service.learn(operation, body, status, answer)
            answers.append((status, service.comparable(answer)))
            plain.append(answer)
        if operation == "GetRecords" and answers[0][0] == answers[1][0] == 200:
            self.go_on(body, plain, answers)
        if answers[0] != answers[1]:
            told = "\n".join(f"{one.name:>12}: {answer}" for one, answer in zip(self.services, answers))
            raise AssertionError(f"seed {self.seed}, step {number}: {operation} {json.dumps(body)}\n{told}")
        return answers[0]

    def go_on(self, body, plain, answers):
        """At the end of a closed shard we say so; the other one goes on with empty answers for a while."""
        if plain[0].get("ChildShards"):
            assert "NextShardIterator" not in answers[0][1], answers[0]
            answers[1][1].pop("NextShardIterator", None)
            return
        stream = self.services[0].chosen(body["ShardIterator"])[0] if isinstance(body["ShardIterator"], dict) else None
        for service, answer in zip(self.services, plain):
            service.iterators.append((stream, answer["NextShardIterator"]))

    def settle(self):
        """Until no stream is between two states, at either."""
        for service in self.services:
            for _ in range(300):
                states = [
                    service.call("DescribeStream", {"StreamName": name})[1].get("StreamDescription", {}).get("StreamStatus")
                    for name in NAMES
                ]
                if all(state in (None, "ACTIVE") for state in states):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError(f"{service.name}: {states}")

    def open_shards(self, name):
        """The other implementation splits closed ones as well."""
        _, answer = self.services[0].call("ListShards", {"StreamName": name})
        shards = [
            shard["ShardId"] for shard in answer.get("Shards", []) if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        ]
        return shards or ["shardId-000000000000"]

    def operation(self):
        pick, name = self.random.choice, self.random.choice(NAMES + ["nowhere"])
        shard = f"shardId-{self.random.randrange(5):012}"
        records = [
            {"Data": pick(["", "aGVsbG8=", "AAEC"]), "PartitionKey": f"k{self.random.randrange(99)}"}
            for _ in range(self.random.randrange(1, 5))
        ]
        if self.random.random() < 0.3:
            records[0]["ExplicitHashKey"] = str(self.random.randrange(2**128))
        place = f"{name}/{shard}"
        kind = pick(["TRIM_HORIZON", "LATEST"] + ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] * (place in self.services[0].sequences))
        position = {"ShardIteratorType": kind}
        if "SEQUENCE" in kind:
            position["StartingSequenceNumber"] = {"sequence": place, "at": self.random.randrange(9)}
        return pick([
            ("CreateStream", {"StreamName": name, "ShardCount": self.random.randrange(1, 4)}),
            ("DeleteStream", {"StreamName": name}),
            ("DescribeStream", {"StreamName": name}),
            ("DescribeStreamSummary", {"StreamName": name}),
            ("ListStreams", {"Limit": self.random.randrange(1, 4)}),
            ("ListStreams", {"ExclusiveStartStreamName": name}),
            ("ListShards", {"StreamName": name}),
            ("AddTagsToStream", {"StreamName": name, "Tags": {pick("ab"): pick("cd")}}),
            ("RemoveTagsFromStream", {"StreamName": name, "TagKeys": [pick("ab")]}),
            ("ListTagsForStream", {"StreamName": name}),
            ("IncreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": pick([23, 24, 25, 48, 168])}),
            ("DecreaseStreamRetentionPeriod", {"StreamName": name, "RetentionPeriodHours": pick([23, 24, 25, 48, 168])}),
            ("SplitShard", {"StreamName": name, "ShardToSplit": pick(self.open_shards(name)), "NewStartingHashKey": str(self.random.randrange(2**128))}),
            ("MergeShards", {
                "StreamName": name, "ShardToMerge": pick(self.open_shards(name)), "AdjacentShardToMerge": pick(self.open_shards(name)),
            }),
        ] + 3 * [
            ("PutRecord", {"StreamName": name, **records[0]}),
            ("PutRecords", {"StreamName": name, "Records": records}),
            ("GetShardIterator", {"StreamName": name, "ShardId": shard, **position}),
            ("GetRecords", {"ShardIterator": {"iterator": self.random.randrange(99)}, "Limit": pick([1, 10, 10000])}),
        ])

    def spoiled(self, body):
        """With one member that is missing, of another type, or beyond its bounds."""
        member = self.random.choice(sorted(body))
        if member == "StreamName":
            return {**body, member: self.random.choice([0, True, [], {}, "!", ""])}  # may be absent nowadays, for an ARN
        wrong = ["", "!", "x" * 200, True, [], {}, ["a"], {"a": "b"}]
        if member not in ("ShardCount", "RetentionPeriodHours"):  # whose bounds have moved
            wrong += [0, -1, 10**6, 1.5]
        optional = member in ("ShardCount", "PartitionKey")  # by now
        change = self.random.choice(wrong if optional else ["remove", *wrong])
        return {name: value for name, value in body.items() if name != member} if change == "remove" else {**body, member: change}


def start_kinesalite(log):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quick = ["--createStreamMs", "0", "--deleteStreamMs", "0", "--updateStreamMs", "0", "--shardLimit", str(SHARD_LIMIT)]
    process = subprocess.Popen([KINESALITE, "--port", str(port), *quick], stdout=log, stderr=log)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError("kinesalite does not start")


def main(steps, seed):
    with tempfile.TemporaryFile() as log:
        process, address = start_kinesalite(log)
        try:
            key = (os.environ["KEY_ID"], os.environ["SECRET"])
            both = Both([Service("ours", os.environ["ENDPOINT"], *key), Service("kinesalite", address, *key)], seed)
            outcomes = {}
            for number in range(steps):
                operation, body = both.operation()
                if both.random.random() < 0.25:
                    body = both.spoiled(body)
                status, _ = both.step(number, operation, body)
                outcomes[(operation, status)] = outcomes.get((operation, status), 0) + 1
                if operation in ("CreateStream", "DeleteStream", "SplitShard", "MergeShards"):
                    both.settle()
            print(f"seed {seed}: {steps} steps agree:", {f"{one} {status}": n for (one, status), n in sorted(outcomes.items())})
        finally:
            process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
