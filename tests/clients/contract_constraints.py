"""Every constraint of every input field in a service's table, broken on purpose, in JSON and in CBOR: each is refused with the
type of error and in the words that clients know.

usage: contract_constraints.py SERVICE FORMAT...
"""
import copy
import sys

from contract import Contract
from wire import At, Wire

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
# One good value of each field, by what it is called.
GOOD = {
    "ConsumerARN": f"{ARN}/consumer/c:1", "StreamARN": ARN, "ResourceARN": ARN, "Data": b"x", "Policy": "{}", "KeyId": "k",
    "NewStartingHashKey": "1", "ExplicitHashKey": "1", "SequenceNumberForOrdering": "1", "StartingSequenceNumber": "1",
    "SequenceNumber": "1", "CiphertextBlob": b"x", "Plaintext": b"x", "AliasName": "alias/a", "TargetKeyId": "k", "Marker": "m",
    "StreamId": "abcdefghij0123456789-abc",
}
BOOLEAN, NUMBER, TEXT = ("java.lang.Boolean", "com.amazon.coral.value.json.numbers.TruncatingBigNumber", "java.lang.String")
WANTED = {"string": "an String", "integer": "an Integer", "boolean": "an Boolean", "blob": "a Blob",
          "timestamp": "milliseconds since epoch"}
LIST, MAP = "Start of list found where not expected", "Start of structure or map found where not expected."


def good(path, spec, fields):
    """A value that keeps to all constraints, with the members that must be there."""
    name = path.split(".")[-1]
    match spec["type"]:
        case "structure":
            return {
                member.split(".")[-1]: good(member, inner, fields)
                for member, inner in fields.items() if member.rpartition(".")[0] == path and inner.get("required")
            }
        case "list":
            return [good(f"{path}.*", fields[f"{path}.*"], fields)]
        case "map":
            return {"k": "v"}
        case "integer":
            return spec.get("min", 1)
        case "boolean":
            return True
        case "timestamp":
            return At(1_700_000_000_000)
    return GOOD.get(name) or spec.get("enum", ["s"])[0]


def wrong_types(spec, form):
    """Values of other types, and what is said of each."""
    kind = spec["type"]
    if kind == "list":
        return [("x", "Expected list or null"), ({}, MAP)]
    if kind == "map":
        return [("x", "Expected map or null"), ([], LIST)]
    if kind == "structure":
        return [("x", "Expected null"), ([], LIST)]
    cases = [([], LIST), ({}, MAP)]
    if kind == "boolean":
        return cases + [("x", "'X' can not be converted to an Boolean"), (1, f"class {NUMBER} can not be converted to an Boolean")]
    cases.append((True, f"class {BOOLEAN} can not be converted to {WANTED[kind]}"))
    if kind == "string":
        cases.append((1, f"class {NUMBER} can not be converted to an String"))
    elif kind == "blob" and form == "json":
        length = "Base64 encoded length is expected a multiple of 4 bytes but found"
        cases.append(("abc", f"'abc' can not be converted to a Blob: {length}: 3"))
    else:
        cases.append(("x", f"class {TEXT} can not be converted to {WANTED[kind]}"))
    return cases


def rules(spec):
    """Values of the right type that break one constraint, and how the service names it."""
    least, most = spec.get("min"), spec.get("max")
    if spec["type"] == "integer":
        if least is not None:
            yield least - 1, f"Member must have value greater than or equal to {least}"
        if most is not None:
            yield most + 1, f"Member must have value less than or equal to {most}"
        return
    make = {
        "string": lambda count: "a" * count,
        "blob": bytes,
        "list": lambda count: ["a" if spec["of"] == "string" else {"Data": b""}] * count,
        "map": lambda count: {str(number): "" for number in range(count)},
    }.get(spec["type"])
    if least:
        yield make(least - 1), f"Member must have length greater than or equal to {least}"
    if most is not None:
        yield make(most + 1), f"Member must have length less than or equal to {most}"
    if "pattern" in spec:
        yield "€", f"Member must satisfy regular expression pattern: {spec['pattern']}"
    if "enum" in spec:
        yield "!", spec["enum"]


def put(base, path, value):
    """The input with a value at a path."""
    changed = copy.deepcopy(base)
    at, steps = changed, path.split(".")
    for step in steps[:-1]:
        at = at[0] if step == "*" else at.setdefault(step, {})
    if steps[-1] == "*":
        at[0] = value
    else:
        at[steps[-1]] = value
    return changed


def shown(path):
    """As messages call it."""
    steps = [step[0].lower() + step[1:] for step in path.split(".")]
    return ".".join("1.member" if step == "*" else step for step in steps)


def names_rule(message, path, rule):
    """Whether a message says that the constraint is not kept; words may come in any order."""
    said = f"at '{shown(path)}' failed to satisfy constraint: "
    if isinstance(rule, str):
        return f"{said}{rule}" in message
    found = message.partition(f"{said}Member must satisfy enum value set: [")[2].partition("]")[0]
    return sorted(found.split(", ")) == sorted(rule)


def elements(path, spec, fields):
    """What texts in lists and maps break is said of the whole."""
    parent, _, last = path.rpartition(".")
    which = {"*": "Member must satisfy constraint: [", "key": "Map keys must satisfy constraint: [",
             "value": "Map value must satisfy constraint: ["}[last]
    for value, rule in rules(spec):
        whole = {"*": [value], "key": {value: "v"}, "value": {"k": value}}[last]
        yield parent, whole, which, rule
    if last != "key":
        yield parent, [True] if last == "*" else {"k": True}, None, f"class {BOOLEAN} can not be converted to an String"


class Checks:
    def __init__(self, service, form):
        self.wire, self.count, self.failures = Wire(form, service=service), 0, []

    def refused(self, operation, body, code, holds):
        self.count += 1
        status, answer = self.wire.call(operation, body)
        answer = answer or {}
        message = answer.get("Message" if code == "SerializationException" else "message", "")
        if (status, answer.get("__type")) != (400, code) or not holds(message):
            self.failures.append(f"{self.wire.form} {operation} {str(body)[:200]}: {status} {str(answer)[:400]}")

    def field(self, operation, path, spec, fields):
        parents = {parent: fields[parent] for parent in fields if path.startswith(f"{parent}.")}
        base = {name: good(name, field, fields) for name, field in fields.items()
                if "." not in name and (field.get("required") or name in parents)}
        last = path.split(".")[-1]
        invalid, untyped = "ValidationException", "SerializationException"
        if last in ("*", "key", "value") and spec["type"] == "string":
            for at, value, which, rule in elements(path, spec, fields):
                body = put(base, at, value)
                if which is None:
                    self.refused(operation, body, untyped, lambda said, rule=rule: said == rule)
                    continue
                said = f"at '{shown(at)}' failed to satisfy constraint: {which}"
                words = rule if isinstance(rule, list) else [rule]
                self.refused(operation, body, invalid, lambda message, said=said, words=words: said in message and all(
                    word in message for word in words))
            return
        for value, message in wrong_types(spec, self.wire.form):
            self.refused(operation, put(base, path, value), untyped, lambda said, message=message: said == message)
        for value, rule in rules({**spec, "of": fields.get(f"{path}.*", {}).get("type")}):
            self.refused(operation, put(base, path, value), invalid, lambda said, rule=rule: names_rule(said, path, rule))
        if spec.get("required"):
            self.refused(operation, put(base, path, None), invalid,
                         lambda said: names_rule(said, path, "Member must not be null"))


service, *forms = sys.argv[1:]
for form in forms:
    checks = Checks(service, form)
    for operation, entry in Contract(service).table.items():
        fields = {path: spec for path, spec in entry.get("input", {}).items() if "ignored" not in spec}
        for path, spec in fields.items():
            checks.field(operation, path, spec, fields)
    assert not checks.failures, f"{len(checks.failures)} of {checks.count}:\n" + "\n".join(checks.failures)
    assert checks.count > 300, checks.count
    print(f"{checks.count} bad values refused in {form}")
