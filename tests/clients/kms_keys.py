"""What a key management service's client does with keys: boto3 against the server under test. Prints how much was checked."""

import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from contract import Contract, Record

endpoint, key_id, secret = (os.environ[name] for name in ("ENDPOINT", "KEY_ID", "SECRET"))


def client(service, key=key_id, password=secret):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=password,
        # What is out of bounds is for the server to refuse.
        config=Config(retries={"max_attempts": 1}, proxies={}, parameter_validation=False),
    )


record = Record()
kms = record.watch(client("kms"))
checks = 0


def check(condition, what):
    global checks
    checks += 1
    assert condition, what


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        check(error.response["Error"]["Code"] == code, f"{code} expected: {error}")
        return error.response["Error"]
    raise AssertionError(f"{code} expected of {arguments}, not {answer}")


def describe_and_list():
    made = kms.create_key(Description="doors", Tags=[{"TagKey": "site", "TagValue": "north"}])["KeyMetadata"]
    key = made["KeyId"]
    check(made["Arn"] == f"arn:aws:kms:us-east-1:000000000000:key/{key}", made)
    check((made["KeyState"], made["Enabled"], made["KeySpec"]) == ("Enabled", True, "SYMMETRIC_DEFAULT"), made)
    for name in (key, made["Arn"]):
        check(kms.describe_key(KeyId=name)["KeyMetadata"] == made, name)
    others = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    listed = [entry["KeyId"] for page in pages for entry in page["Keys"]]
    check(len(pages) >= 3 and len(set(listed)) == len(listed) and others | {key} <= set(listed), listed)
    refused("NotFoundException", kms.describe_key, KeyId="01234567-89ab-4cde-8f01-23456789abcd")
    refused("NotFoundException", kms.describe_key, KeyId="alias/none")
    refused("UnsupportedOperationException", kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    refused("UnsupportedOperationException", kms.create_key, MultiRegion=True)
    refused("ValidationException", kms.create_key, KeySpec="ROT_13")
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "floor", "TagValue": "1"}])
    kms.untag_resource(KeyId=key, TagKeys=["site"])
    tags = kms.list_resource_tags(KeyId=key)["Tags"]
    check(tags == [{"TagKey": "floor", "TagValue": "1"}], tags)
    refused("TagException", kms.tag_resource, KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    kms.update_key_description(KeyId=key, Description="gates")
    check(kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "gates", "description")
    return key


def encrypt(key):
    context = {"aws:kinesis:arn": "a", "purpose": "test"}
    made = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)
    blob = made["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    check(opened["Plaintext"] == b"secret" and opened["KeyId"] == made["KeyId"], opened)
    check(opened["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"], opened)
    for other in ({}, {"purpose": "test"}, {**context, "purpose": "Test"}, {**context, "more": ""}):
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=other)
    for altered in (blob[:-1], blob + b"x", blob[:-1] + bytes([blob[-1] ^ 1]), b"x"):
        refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=altered, EncryptionContext=context)
    other_key = kms.create_key()["KeyMetadata"]["KeyId"]
    refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other_key)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other_key,
                           DestinationEncryptionContext={"n": "1"})
    check(moved["SourceKeyId"] == made["KeyId"] and moved["KeyId"].endswith(other_key), moved)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"n": "1"}, KeyId=other_key)
    check(opened["Plaintext"] == b"secret", opened)
    largest = kms.encrypt(KeyId=key, Plaintext=bytes(4096))["CiphertextBlob"]
    check(len(largest) <= 6144 and kms.decrypt(CiphertextBlob=largest)["Plaintext"] == bytes(4096), "largest")
    refused("ValidationException", kms.encrypt, KeyId=key, Plaintext=bytes(4097))
    for spec, size in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)):
        data = kms.generate_data_key(KeyId=key, **spec)
        check(len(data["Plaintext"]) == size, spec)
        check(kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"], spec)
    hidden = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    check("Plaintext" not in hidden and len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 32, "hidden")
    refused("ValidationException", kms.generate_data_key, KeyId=key)
    refused("ValidationException", kms.generate_data_key, KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
    refused("DryRunOperationException", kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True)
    random = [kms.generate_random(NumberOfBytes=64)["Plaintext"] for _ in range(2)]
    check(len(random[0]) == 64 and random[0] != random[1], "random")
    return blob, context


def states(key, blob, context):
    kms.disable_key(KeyId=key)
    check(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled", "disabled")
    refused("DisabledException", kms.encrypt, KeyId=key, Plaintext=b"x")
    refused("DisabledException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    refused("DisabledException", kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    refused("DisabledException", kms.rotate_key_on_demand, KeyId=key)
    kms.enable_key(KeyId=key)
    check(kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"secret", "enabled")
    refused("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=key)
    refused("ValidationException", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
    planned = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    check(planned["KeyState"] == "PendingDeletion" and planned["PendingWindowInDays"] == 7, planned)
    told = kms.describe_key(KeyId=key)["KeyMetadata"]
    check(told["DeletionDate"] == planned["DeletionDate"] and not told["Enabled"], told)
    refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    refused("KMSInvalidStateException", kms.enable_key, KeyId=key)
    refused("KMSInvalidStateException", kms.schedule_key_deletion, KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    check(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled", "cancelled")
    kms.enable_key(KeyId=key)


def rotation(key, blob, context):
    check(kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False, "off")
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    check(status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 90 and status["NextRotationDate"], status)
    refused("ValidationException", kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=89)
    kms.disable_key_rotation(KeyId=key)
    check(kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False, "off again")
    for _ in range(3):
        kms.rotate_key_on_demand(KeyId=key)
    pages = list(kms.get_paginator("list_key_rotations").paginate(KeyId=key, PaginationConfig={"PageSize": 2}))
    rotations = [entry for page in pages for entry in page["Rotations"]]
    check([entry["RotationType"] for entry in rotations] == ["ON_DEMAND"] * 3 and len(pages) == 2, rotations)
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    check(opened["Plaintext"] == b"secret", "old material is kept")
    new = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    check(new["KeyMaterialId"] == rotations[-1]["KeyMaterialId"] != opened["KeyMaterialId"], "new material")
    for _ in range(22):
        kms.rotate_key_on_demand(KeyId=key)
    refused("LimitExceededException", kms.rotate_key_on_demand, KeyId=key)


def aliases(key):
    names = [f"alias/test/{number}" for number in range(5)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key)
    refused("AlreadyExistsException", kms.create_alias, AliasName=names[0], TargetKeyId=key)
    refused("ValidationException", kms.create_alias, AliasName="door", TargetKeyId=key)
    pages = list(kms.get_paginator("list_aliases").paginate(KeyId=key, PaginationConfig={"PageSize": 2}))
    listed = [entry["AliasName"] for page in pages for entry in page["Aliases"]]
    check(listed == names and len(pages) == 3, listed)
    own = {entry["AliasName"]: entry.get("TargetKeyId") for entry in kms.list_aliases()["Aliases"]}
    for service in ("kinesis", "kinesisvideo", "firehose"):
        name = f"alias/aws/{service}"
        check(own.get(name), own)
        told = kms.describe_key(KeyId=name)["KeyMetadata"]
        check(told["KeyManager"] == "AWS", told)
        refused("NotAuthorizedException", kms.delete_alias, AliasName=name)
        refused("UnsupportedOperationException", kms.schedule_key_deletion, KeyId=told["KeyId"])
    blob = kms.encrypt(KeyId=names[0], Plaintext=b"by alias")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=names[0], TargetKeyId=other)
    check(kms.describe_key(KeyId=names[0])["KeyMetadata"]["KeyId"] == other, "updated")
    check(kms.decrypt(CiphertextBlob=blob)["KeyId"].endswith(key), "the blob names its key")
    for name in names:
        kms.delete_alias(AliasName=name)
    refused("NotFoundException", kms.delete_alias, AliasName=names[0])
    refused("NotFoundException", kms.encrypt, KeyId=names[0], Plaintext=b"x")


def policies(key):
    policy = kms.get_key_policy(KeyId=key)["Policy"]
    check("arn:aws:iam::000000000000:root" in policy, policy)
    refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key, Policy="{}")
    kms.put_key_policy(KeyId=key, Policy=policy.replace("Enable IAM", "Enable all IAM"))
    check("Enable all IAM" in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"], "policy")
    check(kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"], "names")


def streams():
    kinesis = client("kinesis")
    name = f"sealed-{time.time_ns()}"
    made = kms.create_key()["KeyMetadata"]
    alias = f"alias/{name}"
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    disabled = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=disabled)
    leaving = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=leaving, PendingWindowInDays=7)
    kinesis.create_stream(StreamName=name, ShardCount=1)

    def summary():
        told = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return told["EncryptionType"], told.get("KeyId")

    def settled():
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def put(data):
        return kinesis.put_record(StreamName=name, Data=data, PartitionKey="a").get("EncryptionType")

    put(b"0")
    names = [made["KeyId"], made["Arn"], alias, f"arn:aws:kms:us-east-1:000000000000:{alias}"]
    for number, key in enumerate(names):
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
        settled()
        check(summary() == ("KMS", key), summary())
        check(put(str(number + 1).encode()) == "KMS", key)
    for code, key in (("KMSDisabledException", disabled), ("KMSInvalidStateException", leaving),
                      ("KMSNotFoundException", "alias/none"), ("KMSNotFoundException", name),
                      ("KMSNotFoundException", "01234567-89ab-4cde-8f01-23456789abcd")):
        refused(code, kinesis.start_stream_encryption, StreamName=name, EncryptionType="KMS", KeyId=key)
    check(summary() == ("KMS", names[-1]), "refusals change nothing")
    kinesis.stop_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=alias)
    check(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "UPDATING", "shown")
    settled()
    check(summary() == ("NONE", None), summary())
    check(put(b"5") is None, "not spoken of")
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    start = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
    check([record["Data"] for record in records] == [b"0", b"1", b"2", b"3", b"4", b"5"], records)


key = describe_and_list()
blob, context = encrypt(key)
states(key, blob, context)
rotation(key, blob, context)
aliases(key)
policies(key)
streams()
assert checks > 80, checks
print(f"{checks} checks")
