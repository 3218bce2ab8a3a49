"""Puts records until it is stopped, printing what was acknowledged (`put`), or checks that all of that is there (`check`)."""
import json
import sys

from botocore.exceptions import BotoCoreError, ClientError

from kinesis_client import client, create, iterator, read, same, shards_of

kinesis = client()
if sys.argv[1] == "put":
    create(kinesis, "s", 3)
    for number in range(1_000_000):
        batch = [{"Data": f"{number}-{index}".encode(), "PartitionKey": str(index)} for index in range(20)]
        try:
            answer = kinesis.put_records(StreamName="s", Records=batch)
        except (BotoCoreError, ClientError):
            break
        same(answer["FailedRecordCount"], 0)
        for record, placed in zip(batch, answer["Records"]):
            print(json.dumps([placed["ShardId"], placed["SequenceNumber"], record["Data"].decode()]), flush=False)
        sys.stdout.flush()
else:
    found = {}
    for shard in shards_of(kinesis, "s"):
        for record in read(kinesis, iterator(kinesis, "s", shard)):
            found[(shard, record["SequenceNumber"])] = record["Data"].decode()
    promised = [json.loads(line) for line in open(sys.argv[2]) if line.endswith("\n")]
    assert len(promised) >= 200, len(promised)
    lost = [entry for entry in promised if found.get((entry[0], entry[1])) != entry[2]]
    assert not lost, f"{len(lost)} of {len(promised)} acknowledged records are lost or changed: {lost[:3]}"
    kinesis.put_record(StreamName="s", Data=b"after", PartitionKey="a")
    print(f"{len(promised)} acknowledged records are there")
