"""The checked-in table of operations, fields and errors, and the model that botocore carries, in the same form.

A field's name is its path: `Records.*.Data` is of each record, `Tags.key` and `Tags.value` are of a map.
"""
import pathlib
import tomllib

import botocore.session

TABLE_FILE = pathlib.Path(__file__).parent.parent / "kinesis_contract.toml"
TABLE = tomllib.loads(TABLE_FILE.read_text())
TESTS = TABLE.pop("tests")
MODEL = botocore.session.get_session().get_service_model("kinesis")
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


def model_of(operation):
    """Inputs with their constraints, outputs with their types, and errors."""
    described = MODEL.operation_model(operation)
    inputs = dict(fields(described.input_shape)) if described.input_shape else {}
    outputs = dict(fields(described.output_shape)) if described.output_shape else {}
    return inputs, {path: found["type"] for path, found in outputs.items()}, {shape.name for shape in described.error_shapes}
