"""What a user may do: argv is the user's key and secret."""

import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, root_key, root_secret = (os.environ[name] for name in ("ENDPOINT", "KEY_ID", "SECRET"))
key_id, secret = sys.argv[1:3]


def client(service, key, password):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
                        aws_secret_access_key=password, config=Config(retries={"max_attempts": 1}, proxies={}))


def refused(call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{arguments} was allowed: {answer}")


root, user = client("kinesis", root_key, root_secret), client("kinesis", key_id, secret)
for name in ("mine", "other"):
    root.create_stream(StreamName=name, ShardCount=1)
    root.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
put = {"Data": b"x", "PartitionKey": "k"}
user.put_record(StreamName="mine", **put)
message = refused(user.put_record, StreamName="other", **put)
arn = "arn:aws:kinesis:us-east-1:000000000000:stream/other"
assert message == (
    "User: arn:aws:iam::000000000000:user/anna is not authorized to perform: kinesis:PutRecord on resource: "
    f"{arn} because no identity-based policy allows the kinesis:PutRecord action"
), message
refused(user.describe_stream_summary, StreamName="mine")
refused(user.delete_stream, StreamName="mine")
refused(user.list_streams)
anna = "arn:aws:iam::000000000000:user/anna"
allow = {"Effect": "Allow", "Principal": {"AWS": anna}, "Action": "kinesis:PutRecord", "Resource": arn}
root.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
user.put_record(StreamName="other", **put)
mine = arn.replace("other", "mine")
deny = {**allow, "Effect": "Deny", "Resource": mine}
root.put_resource_policy(ResourceARN=mine, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
message = refused(user.put_record, StreamName="mine", **put)
assert message.endswith("with an explicit deny in a resource-based policy"), message

kms, users = client("kms", root_key, root_secret), client("kms", key_id, secret)
key = kms.create_key()["KeyMetadata"]["KeyId"]
context = {"purpose": "test"}
blob = users.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
assert users.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
refused(users.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"purpose": "other"})
refused(users.encrypt, KeyId=key, Plaintext=b"x")
refused(users.create_key)
refused(users.disable_key, KeyId=key)
# A key's policy must allow, if only by leaving the say to the account.
bert = {"Effect": "Allow", "Principal": {"AWS": anna.replace("anna", "bert")}, "Action": "kms:*", "Resource": "*"}
kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [bert]}))
refused(users.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=context)

# The key of a stream, by way of the stream alone.
kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {**bert, "Principal": {"AWS": anna}, "Condition": {"StringEquals": {
        "kms:EncryptionContext:aws:kinesis:arn": arn, "kms:ViaService": "kinesis.us-east-1.amazonaws.com"}}},
    {**bert, "Principal": {"AWS": anna.replace("user/anna", "root")}}]}))
for name in ("mine", "other"):
    root.delete_resource_policy(ResourceARN=mine if name == "mine" else arn)
    root.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
root.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
assert user.put_record(StreamName="other", **put)["EncryptionType"] == "KMS"
try:
    user.put_record(StreamName="mine", **put)
    raise AssertionError("no right on the key")
except user.exceptions.KMSAccessDeniedException as error:
    assert "is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:" in str(error), error
refused(users.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext={"aws:kinesis:arn": arn})
print("users: ok")
