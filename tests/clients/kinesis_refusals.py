"""What is refused, in the words that clients know: sign-in, clocks, types, constraints, content types, paths, methods."""
import datetime
import hashlib
import http.client
import json
import urllib.parse

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import botocore.auth
import os

from kinesis_client import ENDPOINT, REGION, client, create, refusal, same

kinesis = client()
create(kinesis, "s", 2)

# Who asks.
same(refusal(client(aws_secret_access_key="wrong").list_streams)[0], "InvalidSignatureException")
same(refusal(client(aws_access_key_id="NOBODY").list_streams),
     ("UnrecognizedClientException", "The security token included in the request is invalid."))
same(refusal(client(aws_session_token="token").list_streams)[0], "UnrecognizedClientException")
same(client(region_name="eu-west-7").list_streams()["StreamNames"], ["s"])

place = urllib.parse.urlsplit(ENDPOINT)
JSON = "application/x-amz-json-1.1"


def raw(body, headers, method="POST", path="/"):
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer


class Presigned(SigV4QueryAuth):
    """Signs in the query. botocore takes a body for parameters and signs an empty one: the body is said here."""

    def payload(self, request):
        return hashlib.sha256(b"{}").hexdigest()


def signed(target, body, content_type=JSON, auth=SigV4Auth, method="POST", service="kinesis", path="/", **more):
    url = f"{ENDPOINT}{path}"
    headers = {"Content-Type": content_type, "X-Amz-Target": target, **more}
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    auth(Credentials(os.environ["KEY_ID"], os.environ["SECRET"]), service, REGION).add_auth(request)
    return dict(request.headers), request.url.removeprefix(ENDPOINT)


def call(operation, body, **how):
    headers, path = signed(f"Kinesis_20131202.{operation}", body, **how)
    status, text, answer = raw(body, headers, path=path)
    return status, (json.loads(text) if text else None), answer


# Every answer says who it is.
status, answer, response = call("ListStreams", "{}", Origin="https://example.org")
same((status, answer["StreamNames"]), (200, ["s"]))
for name in ["x-amzn-RequestId", "x-amz-id-2", "Date", "Content-Length"]:
    assert response.headers[name], name
same(response.headers["Content-Type"], JSON)
same(response.headers["Access-Control-Allow-Origin"], "*")
status, text, response = raw("", {"Origin": "https://example.org", "Access-Control-Request-Method": "POST",
                                  "Access-Control-Request-Headers": "x-amz-target"}, method="OPTIONS")
same((status, text, response.headers["Access-Control-Max-Age"]), (200, "", "172800"))
same(response.headers["Access-Control-Allow-Headers"], "x-amz-target")
same(response.headers["x-amz-id-2"], None)

# The path does not matter, a presigned query is as good as a header, and operations without an answer answer nothing.
same(call("ListStreams", "{}", path="/any/where?x=1")[0], 200)
same(call("ListStreams", "{}", auth=Presigned)[0], 200)
same(call("CreateStream", '{"StreamName":"t","ShardCount":1}')[:2], (200, None))

# Altered after it was signed.
headers, _ = signed("Kinesis_20131202.ListStreams", "{}")
same(json.loads(raw('{"Limit":1}', headers)[1])["__type"], "InvalidSignatureException")
same(json.loads(raw("{}", {**headers, "X-Amz-Target": "Kinesis_20131202.DescribeLimits"})[1])["__type"][-9:], "Exception")
assert raw("{}", {**headers, "X-Amz-Target": "Kinesis_20131202.DescribeStream"})[0] == 400
same(call("ListStreams", "{}", service="kms")[1],
     {"__type": "InvalidSignatureException", "message": "Credential should be scoped to correct service: 'kinesis'."})
headers, path = signed("Kinesis_20131202.ListStreams", "{}", auth=Presigned)
same(json.loads(raw("{}", {**headers, "Authorization": "AWS4-HMAC-SHA256 x"}, path=path)[1])["__type"],
     "InvalidSignatureException")

# A wrong clock is told apart from a wrong secret, with our own time in `Date`, so that the client can set it right.
real = botocore.auth.get_current_datetime


def skewed(minutes):
    botocore.auth.get_current_datetime = lambda *args, **more: real(*args, **more) + datetime.timedelta(minutes=minutes)
    try:
        return call("ListStreams", "{}")
    finally:
        botocore.auth.get_current_datetime = real


for minutes, words in [(-6, "Signature expired: "), (6, "Signature not yet current: ")]:
    status, answer, response = skewed(minutes)
    same((status, answer["__type"]), (400, "InvalidSignatureException"))
    assert answer["message"].startswith(words), answer
    assert response.headers["Date"]
same([skewed(-4)[0], skewed(4)[0]], [200, 200])

# What is not asked for properly.
target = {"X-Amz-Target": "Kinesis_20131202.ListStreams"}
missing = {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}
denied = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n" \
         "</AccessDeniedException>\n"
coral = '{"Output":{"__type":"com.amazon.coral.service#%s"},"Version":"1.0"}'
for body, headers, status, answer in [
    ("{}", {"Content-Type": JSON, **target}, 400, json.dumps(missing, separators=(",", ":"))),
    ("{}", {"Content-Type": JSON}, 400, '{"__type":"UnknownOperationException"}'),
    ("{}", {"Content-Type": JSON, "X-Amz-Target": "Kinesis_20131202.Nothing"}, 400, '{"__type":"UnknownOperationException"}'),
    ("{", {"Content-Type": JSON, **target}, 400, '{"__type":"SerializationException"}'),
    ("[]", {"Content-Type": JSON, **target}, 400, '{"__type":"SerializationException"}'),
    ("", {"Content-Type": JSON, **target}, 400, '{"__type":"SerializationException"}'),
    ("", {"Content-Type": JSON}, 400, '{"__type":"UnknownOperationException"}'),
    ("{}", {"Content-Type": "application/json", **target}, 404, coral % "UnknownOperationException"),
    ("{", {"Content-Type": "application/json", **target}, 400, coral % "SerializationException"),
    ("{}", {"Content-Type": "text/plain", **target}, 404, "<UnknownOperationException/>\n"),
    ("{}", {"Content-Type": "text/plain"}, 403, denied),
]:
    same(raw(body, headers)[:2], (status, answer))
same(raw("{}", {"Content-Type": JSON, "Authorization": "AWS4-HMAC-SHA256 Signature=b", **target})[1],
     '{"__type":"IncompleteSignatureException","message":"Authorization header requires \'Credential\' parameter. '
     'Authorization header requires \'SignedHeaders\' parameter. Authorization header requires existence of either a '
     '\'X-Amz-Date\' or a \'Date\' header. Authorization=AWS4-HMAC-SHA256 Signature=b"}')
# A body that is announced too large is not waited for.
connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
connection.putrequest("POST", "/")
for name, value in {"Content-Type": JSON, "Content-Length": 16 << 20, **target}.items():
    connection.putheader(name, value)
connection.endheaders()
same(connection.getresponse().status, 413)
same(raw(None, {}, method="GET")[2].headers["Content-Type"], "text/html; charset=utf-8")

# Types.
for operation, body, message in [
    ("PutRecord", '{"StreamName":true}', "class java.lang.Boolean can not be converted to an String"),
    ("PutRecord", '{"StreamName":23}',
     "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"),
    ("PutRecord", '{"StreamName":[]}', "Start of list found where not expected"),
    ("PutRecord", '{"StreamName":{}}', "Start of structure or map found where not expected."),
    ("PutRecord", '{"Data":"23456"}',
     "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
    ("PutRecords", '{"Records":"a"}', "Expected list or null"),
    ("CreateStream", '{"Tags":"a"}', "Expected map or null"),
]:
    same(call(operation, body)[:2], (400, {"__type": "SerializationException", "Message": message}))

# Constraints.
for operation, body, message in [
    ("ListStreams", '{"Limit":0}', "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must "
     "have value greater than or equal to 1"),
    ("CreateStream", '{"StreamName":""}', "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'streamName' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1"),
    ("PutRecords", '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"a"},{"PartitionKey":"a"}]}', "1 validation error "
     "detected: Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null"),
    ("PutRecords", '{"StreamName":"s","Records":[]}', "1 validation error detected: Value '[]' at 'records' failed to satisfy "
     "constraint: Member must have length greater than or equal to 1"),
    ("PutRecord", '{"StreamName":"s","Data":""}', "1 validation error detected: Value null at 'partitionKey' failed to satisfy "
     "constraint: Member must not be null"),
]:
    same(call(operation, body)[:2], (400, {"__type": "ValidationException", "message": message}))

# Arguments.
not_found = "ResourceNotFoundException"
invalid = "InvalidArgumentException"
for operation, body, code, message in [
    ("GetShardIterator", '{"StreamName":"s","ShardId":"shardId-5","ShardIteratorType":"LATEST"}', not_found,
     "Shard shardId-000000000005 in stream s under account 000000000000 does not exist"),
    ("GetRecords", '{"ShardIterator":"AAAA"}', invalid, "Invalid ShardIterator."),
    ("DescribeStream", '{"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/x","StreamName":"s"}', invalid, None),
    ("DescribeStream", "{}", invalid, None),
    ("DescribeStream", '{"StreamARN":"arn:aws:kinesis:us-east-1:111111111111:stream/s"}', not_found, None),
    ("PutRecord", '{"StreamName":"s","Data":"","PartitionKey":"a","SequenceNumberForOrdering":"1"}', invalid,
     "ExclusiveMinimumSequenceNumber 1 used in PutRecord on stream s under account 000000000000 is invalid."),
]:
    status, answer, _ = call(operation, body)
    same((status, answer["__type"]), (400, code))
    assert message in (None, answer["message"]), answer
number = kinesis.put_record(StreamName="s", Data=b"", PartitionKey="a", ExplicitHashKey="0")["SequenceNumber"]
same(refusal(kinesis.get_shard_iterator, StreamName="s", ShardId="1", ShardIteratorType="AT_SEQUENCE_NUMBER",
             StartingSequenceNumber=number),
     (invalid, "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a shard with "
               "shardId-000000000001"))
