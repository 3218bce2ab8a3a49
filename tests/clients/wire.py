"""Signed requests as they are, in either content type, with nothing of an SDK between: whatever is in the input is sent."""
import base64
import dataclasses
import json
import os

import cbor2
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kinesis_client import ENDPOINT, REGION

FORMATS = {"json": "application/x-amz-json-1.1", "cbor": "application/x-amz-cbor-1.1"}
TARGETS = {"kinesis": "Kinesis_20131202", "kms": "TrentService"}


@dataclasses.dataclass
class At:
    """A moment."""

    ms: int


class Wire:
    """One of the two content types, and who signs."""

    def __init__(self, form, key=None, service="kinesis"):
        self.form, self.service = form, service
        self.credentials = Credentials(*(key or (os.environ["KEY_ID"], os.environ["SECRET"])))
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, operation, body, stream=False):
        """The status and the answer; with `stream` what can be read from the open connection."""
        return self.send(operation, self.encode(body), stream)

    def send(self, operation, encoded, stream=False):
        """The same, with a body as it is."""
        headers = {"Content-Type": FORMATS[self.form], "X-Amz-Target": f"{TARGETS[self.service]}.{operation}"}
        request = AWSRequest("POST", f"{ENDPOINT}/", headers=headers, data=encoded)
        SigV4Auth(self.credentials, self.service, REGION).add_auth(request)
        answer = self.session.post(request.url, data=encoded, headers=dict(request.headers), timeout=60, stream=stream)
        if stream and answer.status_code == 200:
            return 200, answer
        assert answer.headers["Content-Type"] == FORMATS[self.form], answer.headers
        return answer.status_code, self.decode(answer.content) if answer.content else None

    def encode(self, body):
        return json.dumps(plain(body)).encode() if self.form == "json" else cbor2.dumps(tagged(body))

    def decode(self, content):
        if self.form == "json":
            return json.loads(content)
        # cbor2 takes tag 1 for seconds: what it makes of milliseconds is years off, so the number is kept instead.
        return cbor2.loads(content.replace(b"\xc1\x1b", b"\x1b"))


def plain(value):
    """As JSON has it."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case At():
            return value.ms / 1000
        case dict():
            return {name: plain(member) for name, member in value.items()}
        case list():
            return [plain(one) for one in value]
    return value


def tagged(value):
    """As CBOR has it."""
    match value:
        case At():
            return cbor2.CBORTag(1, value.ms)
        case dict():
            return {name: tagged(member) for name, member in value.items()}
        case list():
            return [tagged(one) for one in value]
    return value
