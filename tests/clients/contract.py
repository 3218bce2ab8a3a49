"""The checked-in tables of operations, fields and errors, and the models that botocore carries, in the same form.

A field's name is its path: `Records.*.Data` is of each record, `Tags.key` and `Tags.value` are of a map.
"""
import pathlib
import tomllib

import botocore.session

ROOT = pathlib.Path(__file__).parent.parent.parent
# The service's texts leave these out.
ANCHORED = ("^(", ")$")


def constraints(shape, required):
    """What the model demands of a field."""
    found = {"type": shape.type_name}
    if required:
        found["required"] = True
    for name in ("min", "max"):
        if name in shape.metadata:
            found[name] = shape.metadata[name]
    if "enum" in shape.metadata:
        found["enum"] = shape.metadata["enum"]
    pattern = shape.metadata.get("pattern")
    if pattern:
        whole = pattern.startswith(ANCHORED[0]) and pattern.endswith(ANCHORED[1])
        found["pattern"] = pattern[2:-2] if whole else pattern
    return found


def fields(shape, path=(), required=False):
    """All fields of a structure or list, as path and constraints."""
    if path:
        yield ".".join(path), constraints(shape, required)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from fields(member, (*path, name), name in shape.required_members)
    elif shape.type_name == "list":
        yield from fields(shape.member, (*path, "*"))
    elif shape.type_name == "map":
        yield from fields(shape.key, (*path, "key"))
        yield from fields(shape.value, (*path, "value"))


class Contract:
    """What a service's table and its model say."""

    def __init__(self, service):
        self.table = tomllib.loads((ROOT / f"tests/{service}_contract.toml").read_text())
        self.tests = self.table.pop("tests")
        self.model = botocore.session.get_session().get_service_model(service)

    def of(self, operation):
        """Of the model: inputs with their constraints, outputs with their types, and errors."""
        described = self.model.operation_model(operation)
        inputs = dict(fields(described.input_shape)) if described.input_shape else {}
        outputs = dict(fields(described.output_shape)) if described.output_shape else {}
        errors = {shape.name for shape in described.error_shapes}
        return inputs, {path: found["type"] for path, found in outputs.items()}, errors

    def expected(self, part, absent):
        """What the table has of all operations, but for what it says does not come."""
        return {(operation, name) for operation, entry in self.table.items() for name, told in entry.get(part, {}).items()
                if not absent(told)}


def parts(value, shape, path=()):
    """The paths of all fields that a value has."""
    if path:
        yield ".".join(path)
    if shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield from parts(member, shape.members[name], (*path, name))
    elif shape.type_name == "list":
        for one in value:
            yield from parts(one, shape.member, (*path, "*"))
    elif shape.type_name == "map":
        for key, one in value.items():
            yield from parts(key, shape.key, (*path, "key"))
            yield from parts(one, shape.value, (*path, "value"))


class Record:
    """What boto3 clients ask and are answered."""

    def __init__(self):
        self.asked, self.answered, self.refused = set(), set(), set()

    def watch(self, client):
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-parameter-build.{service}", self._asks)
        client.meta.events.register(f"after-call.{service}", self._answers)
        return client

    def _asks(self, params, model, **_):
        if model.input_shape:
            self.asked |= {(model.name, path) for path in parts(params, model.input_shape)}

    def _answers(self, parsed, model, **_):
        if "Error" in parsed:
            self.refused.add((model.name, parsed["Error"]["Code"]))
        elif model.output_shape:
            answer = {name: member for name, member in parsed.items() if name != "ResponseMetadata"}
            self.answered |= {(model.name, path) for path in parts(answer, model.output_shape)}
