"""Random policies and requests, one JSON object a line, with what moto's evaluator of IAM policies makes of them.

Only what moto evaluates: Effect, Action and NotAction, Resource, the wildcard *, which moto lets reach over colons, so that it
stands in the last part of an ARN or for all of it. Not `?` (a regular expression's there), case, NotResource, conditions, variables.
"""

import json
import random
import sys

from moto.iam.access_control import IAMPolicy, PermissionResult

seed, count = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
SERVICES = ["kinesis", "kinesisvideo", "kms"]
NAMES = ["Put", "PutMedia", "PutRecord", "GetMedia", "GetRecords", "DescribeStream"]
ACTIONS = ["*"] + [f"{s}:{n}" for s in SERVICES for n in NAMES + ["*", "Put*", "*Media", "*Re*s"]]
PREFIX = "arn:aws:kinesis:us-east-1:000000000000:"
RESOURCES = [PREFIX + r for r in ["stream/a", "stream/ab", "stream/a/1", "stream/b"]]
PATTERNS = ["*"] + RESOURCES + [PREFIX + r for r in ["*", "stream/*", "stream/a*", "*/1", "stream/*b"]]


def some(values):
    chosen = rng.sample(values, rng.randint(1, 3))
    return chosen[0] if len(chosen) == 1 else chosen


for _ in range(count):
    statements = [
        {
            "Effect": rng.choice(["Allow", "Allow", "Deny"]),
            rng.choice(["Action", "Action", "NotAction"]): some(ACTIONS),
            "Resource": some(PATTERNS),
        }
        for _ in range(rng.randint(1, 4))
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    action = f"{rng.choice(SERVICES)}:{rng.choice(NAMES)}"
    resource = rng.choice(RESOURCES)
    evaluator = IAMPolicy({"policy_document": json.dumps(policy)})
    allowed = evaluator.is_action_permitted(action, resource) == PermissionResult.PERMITTED
    print(json.dumps({"policy": policy, "action": action, "resource": resource, "allowed": allowed}))
