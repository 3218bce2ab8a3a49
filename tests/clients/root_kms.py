"""A KMS with two keys, for servers whose root key it holds: moto's, or the one at an endpoint. Told what to do line by line.

Says `READY URL KEY KEY` first, then one line for each command: `DONE`, with what was asked for.
"""
import base64
import json
import sys

import boto3
import emulated
from botocore.config import Config


def bare(key):
    """Some of moto's operations know a key by its id alone."""
    return key.split("/")[-1]


class Kms:
    def __init__(self, arguments):
        self.moto, self.port = None, 0
        if arguments[0] == "moto":
            self.start()
            self.url, access = f"http://127.0.0.1:{self.port}", ["key", "secret"]
        else:
            self.url, *access = arguments
        self.client = boto3.client(
            "kms",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access[0],
            aws_secret_access_key=access[1],
            config=Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=10),
        )
        self.keys = [self.client.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]

    def start(self):
        """Comes back with the same keys: they are this process's."""
        self.moto, self.port = emulated.start(self.port)

    def stop(self):
        self.moto.stop()

    def disable(self, key):
        self.client.disable_key(KeyId=bare(key))

    def enable(self, key):
        self.client.enable_key(KeyId=bare(key))

    def delete(self, key):
        self.client.schedule_key_deletion(KeyId=bare(key), PendingWindowInDays=7)

    def keep(self, key):
        self.client.cancel_key_deletion(KeyId=bare(key))
        self.client.enable_key(KeyId=bare(key))

    def alias(self, name, key):
        self.client.create_alias(AliasName=name, TargetKeyId=key)

    def forbid(self, key, user):
        """Nobody but root may use it, and root still manage it."""
        statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
        deny = {"Effect": "Deny", "Principal": {"AWS": user}, "Action": "kms:Decrypt", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement, deny]}
        self.client.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    def decrypt(self, blob, deployment):
        context = {"kinetoscope:deployment": deployment}
        blob = base64.b64decode(blob)
        return self.client.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"].hex()


def main():
    kms = Kms(sys.argv[1:])
    print("READY", kms.url, *kms.keys, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        told = getattr(kms, command)(*arguments)
        print("DONE", told or "", flush=True)


main()
