"""Every operation on keys with every field in the table, and each error of it: `kms_keys.py`, and then what it leaves out. In the
end everything that the table gives to this script was asked, answered or refused."""
from contract import Contract
from kms_keys import check, kms, record, refused

CONTRACT = Contract("kms")
NOBODY = "01234567-89ab-4cde-8f01-23456789abcd"
BAD_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
ALGORITHM = "SYMMETRIC_DEFAULT"
new = lambda **how: kms.create_key(**how)["KeyMetadata"]["KeyId"]
key, other, off, leaving = (new() for _ in range(4))
blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
blobs = {name: kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"] for name in (off, leaving)}
kms.disable_key(KeyId=off)
kms.schedule_key_deletion(KeyId=leaving, PendingWindowInDays=7)
policy = kms.get_key_policy(KeyId=key)["Policy"]

# What is asked of a key, beside which.
OF_KEY = {
    kms.describe_key: {}, kms.update_key_description: {"Description": "d"}, kms.enable_key: {}, kms.disable_key: {},
    kms.schedule_key_deletion: {}, kms.cancel_key_deletion: {}, kms.encrypt: {"Plaintext": b"x"},
    kms.generate_data_key: {"KeySpec": "AES_256"}, kms.generate_data_key_without_plaintext: {"KeySpec": "AES_256"},
    kms.enable_key_rotation: {}, kms.disable_key_rotation: {}, kms.get_key_rotation_status: {}, kms.rotate_key_on_demand: {},
    kms.list_key_rotations: {}, kms.put_key_policy: {"Policy": policy}, kms.get_key_policy: {}, kms.list_key_policies: {},
    kms.tag_resource: {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, kms.untag_resource: {"TagKeys": ["a"]},
    kms.list_resource_tags: {},
}


def operation(call):
    return kms.meta.method_to_api_mapping[call.__name__]


def wanted(call, code):
    return CONTRACT.table[operation(call)]["errors"].get(code) == "keys"


for call, more in OF_KEY.items():
    refused("NotFoundException", call, KeyId=NOBODY, **more)
    for code, name in (("InvalidArnException", BAD_ARN), ("DisabledException", off), ("KMSInvalidStateException", leaving)):
        if wanted(call, code) and (operation(call), code) not in record.refused:
            refused(code, call, KeyId=name, **more)
for call in (kms.list_keys, kms.list_aliases, kms.list_key_policies, kms.list_key_rotations, kms.list_resource_tags):
    if wanted(call, "InvalidMarkerException"):
        refused("InvalidMarkerException", call, Marker="nowhere", **({"KeyId": key} if call in OF_KEY else {}))

# What is encrypted, and where to.
move = dict(CiphertextBlob=blob, DestinationKeyId=other)
algorithms = dict(SourceEncryptionAlgorithm=ALGORITHM, DestinationEncryptionAlgorithm=ALGORITHM)
kms.re_encrypt(SourceKeyId=key, GrantTokens=["t"], DryRun=False, **algorithms, **move)
for code, change in (
    ("DisabledException", {"CiphertextBlob": blobs[off]}), ("KMSInvalidStateException", {"DestinationKeyId": leaving}),
    ("IncorrectKeyException", {"SourceKeyId": other}), ("InvalidCiphertextException", {"CiphertextBlob": b"x"}),
    ("NotFoundException", {"DestinationKeyId": NOBODY}), ("DryRunOperationException", {"DryRun": True}),
):
    refused(code, kms.re_encrypt, **{**move, **change})
opened = kms.decrypt(CiphertextBlob=blob, KeyId=key, EncryptionAlgorithm=ALGORITHM, GrantTokens=["t"], DryRun=False)
check(opened["Plaintext"] == b"x", opened)
refused("DryRunOperationException", kms.decrypt, CiphertextBlob=blob, DryRun=True)
refused("NotFoundException", kms.decrypt, CiphertextBlob=blob, KeyId=NOBODY)
kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm=ALGORITHM, GrantTokens=["t"])
for call in (kms.generate_data_key, kms.generate_data_key_without_plaintext):
    call(KeyId=key, NumberOfBytes=16, EncryptionContext={"a": "b"}, GrantTokens=["t"], DryRun=False)
    refused("DryRunOperationException", call, KeyId=key, KeySpec="AES_256", DryRun=True)
kms.describe_key(KeyId=key, GrantTokens=["t"])

for call, more in ((kms.decrypt, {"CiphertextBlob": blob}), (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
                   (kms.generate_random, {"NumberOfBytes": 1})):
    refused("UnsupportedOperationException", call, Recipient={"AttestationDocument": b"x"}, **more)
refused("UnsupportedOperationException", kms.generate_random, NumberOfBytes=1, CustomKeyStoreId="cks-1")

# Keys as they are made, and what cannot be.
kms.create_key(Policy=policy, CustomerMasterKeySpec=ALGORITHM, Origin="AWS_KMS", BypassPolicyLockoutSafetyCheck=False)
refused("MalformedPolicyDocumentException", kms.create_key, Policy="{}")
refused("TagException", kms.create_key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
for more in ({"CustomKeyStoreId": "cks-1"}, {"XksKeyId": "x"}, {"Origin": "EXTERNAL"}):
    refused("UnsupportedOperationException", kms.create_key, **more)
kms.put_key_policy(KeyId=key, Policy=policy, PolicyName="default", BypassPolicyLockoutSafetyCheck=False)
kms.list_key_policies(KeyId=key, Limit=1, Marker="a")
kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")

# Names.
refused("NotFoundException", kms.create_alias, AliasName="alias/errors", TargetKeyId=NOBODY)
refused("NotFoundException", kms.update_alias, AliasName="alias/errors", TargetKeyId=key)
refused("KMSInvalidStateException", kms.create_alias, AliasName="alias/errors", TargetKeyId=leaving)
kms.create_alias(AliasName="alias/errors", TargetKeyId=key)
refused("KMSInvalidStateException", kms.update_alias, AliasName="alias/errors", TargetKeyId=leaving)
kms.delete_alias(AliasName="alias/errors")
refused("NotFoundException", kms.list_aliases, KeyId=NOBODY)
if wanted(kms.list_aliases, "InvalidArnException"):
    refused("InvalidArnException", kms.list_aliases, KeyId=BAD_ARN)

# Labels, page by page.
labels = [{"TagKey": str(number), "TagValue": ""} for number in range(50)]
kms.tag_resource(KeyId=other, Tags=labels)
page = kms.list_resource_tags(KeyId=other, Limit=20)
check(len(page["Tags"]) == 20 and page["Truncated"], page)
check(kms.list_resource_tags(KeyId=other, Limit=50, Marker=page["NextMarker"])["Tags"], "the rest")
refused("LimitExceededException", kms.tag_resource, KeyId=other, Tags=[{"TagKey": "more", "TagValue": ""}])

for part, seen, absent in (
    ("input", record.asked, lambda told: "ignored" in told), ("output", record.answered, lambda told: told != "keys"),
    ("errors", record.refused, lambda told: told != "keys"),
):
    missing = CONTRACT.expected(part, absent) - seen
    assert not missing, f"{part}: the table says that these are tested here: {sorted(missing)}"
more = record.answered - CONTRACT.expected("output", lambda told: told.startswith("never: "))
assert not more, f"answered, though the table says never: {sorted(more)}"
print(f"{len(record.asked)} input and {len(record.answered)} output fields, {len(record.refused)} errors of keys")
