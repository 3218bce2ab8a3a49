"""A subscription over HTTP/2 with prior knowledge, as the Java and JavaScript SDKs open it on a plain endpoint."""
import json
import os
import socket
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from kinesis_client import ENDPOINT, REGION, client, create, same

kinesis = client()
create(kinesis, "orders")
stream = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
arn = kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="reader")["Consumer"]["ConsumerARN"]
kinesis.put_record(StreamName="orders", Data=b"first", PartitionKey="k")

body = json.dumps({"ConsumerARN": arn, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": "TRIM_HORIZON"}})
signed = AWSRequest("POST", ENDPOINT, data=body.encode(), headers={
    "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.SubscribeToShard"})
SigV4Auth(Credentials(os.environ["KEY_ID"], os.environ["SECRET"]), "kinesis", REGION).add_auth(signed)

address = urlsplit(ENDPOINT)
connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
link = socket.create_connection((address.hostname, address.port), timeout=20)
connection.initiate_connection()
headers = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", address.netloc)]
connection.send_headers(1, headers + [(name.lower(), value) for name, value in signed.headers.items()])
connection.send_data(1, body.encode(), end_stream=True)
link.sendall(connection.data_to_send())

frames, status, records, children, ended = EventStreamBuffer(), None, [], None, False
kinds, split = [], False
while not ended:
    received = link.recv(65536)
    assert received, "the connection was closed"
    for event in connection.receive_data(received):
        if isinstance(event, h2.events.ResponseReceived):
            status = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            frames.add_data(event.data)
        ended = ended or isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
    link.sendall(connection.data_to_send())
    for message in frames:
        told = message.to_response_dict()
        kinds.append(told["headers"][":event-type"])
        if kinds[-1] == "SubscribeToShardEvent":
            event = json.loads(told["body"])
            records += event["Records"]
            children = event.get("ChildShards")
    if records and not split:
        split = True
        kinesis.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
same((status[":status"], status["content-type"]), ("200", "application/vnd.amazon.eventstream"))
same(kinds[0], "initial-response")
same(set(kinds[1:]), {"SubscribeToShardEvent"})
same([record["Data"] for record in records], ["Zmlyc3Q="])
same([child["ShardId"] for child in children], ["shardId-000000000001", "shardId-000000000002"])
