"""CBOR, as the Java SDKs speak it, encoded and decoded by cbor2: blobs are byte strings, timestamps are tag 1 with
milliseconds."""
import time

import cbor2
import requests

from kinesis_client import ENDPOINT, client, create, same
from wire import Wire

call = Wire("cbor").send


def indefinite(pairs):
    """A map without a length, as the Java SDK writes it."""
    return b"\xbf" + b"".join(cbor2.dumps(name) + cbor2.dumps(value) for name, value in pairs) + b"\xff"


kinesis = client()
create(kinesis, "s")
began_ms = int(time.time() * 1000) - 1
put = [b"hello", bytes(range(256)), b""]
status, answer = call("PutRecord", indefinite([("StreamName", "s"), ("Data", put[0]), ("PartitionKey", "a")]))
same((status, answer["ShardId"]), (200, "shardId-000000000000"))
records = b"\x9f" + b"".join(indefinite([("Data", data), ("PartitionKey", "ä")]) for data in put[1:]) + b"\xff"
body = b"\xbf" + cbor2.dumps("StreamName") + cbor2.dumps("s") + cbor2.dumps("Records") + records + b"\xff"
status, answer = call("PutRecords", body)
same((status, answer["FailedRecordCount"], len(answer["Records"])), (200, 0, 2))

start = {"StreamName": "s", "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP"}
for timestamp in [cbor2.CBORTag(1, began_ms), cbor2.CBORTag(1, float(began_ms))]:
    body = cbor2.dumps({**start, "Timestamp": timestamp})
    status, answer = call("GetShardIterator", body)
    same(status, 200)
    status, answer = call("GetRecords", cbor2.dumps({"ShardIterator": answer["ShardIterator"]}))
    same([record["Data"] for record in answer["Records"]], put)
    same([record["PartitionKey"] for record in answer["Records"]], ["a", "ä", "ä"])
    for record in answer["Records"]:
        assert began_ms <= record["ApproximateArrivalTimestamp"] <= time.time() * 1000, record
        same(set(record), {"SequenceNumber", "ApproximateArrivalTimestamp", "Data", "PartitionKey"})
# The same records in JSON.
iterator = kinesis.get_shard_iterator(StreamName="s", ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
same([record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]], put)

same(call("CreateStream", cbor2.dumps({"StreamName": "t", "ShardCount": 1})), (200, None))
status, answer = call("DescribeStreamSummary", cbor2.dumps({"StreamName": "t"}))
created = answer["StreamDescriptionSummary"]["StreamCreationTimestamp"]
assert abs(created / 1000 - time.time()) < 300, created
same(call("DescribeStream", cbor2.dumps({"StreamName": "x"})),
     (400, {"__type": "ResourceNotFoundException", "message": "Stream x under account 000000000000 not found."}))
same(call("PutRecord", cbor2.dumps({"StreamName": 1})),
     (400, {"__type": "SerializationException",
            "Message": "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"}))
same(call("PutRecord", b"\xbf"), (400, {"__type": "SerializationException"}))
same(call("Nothing", cbor2.dumps({})), (400, {"__type": "UnknownOperationException"}))
same(requests.post(f"{ENDPOINT}/", timeout=30).content, b"\xa1\x66__type\x78\x19UnknownOperationException")
