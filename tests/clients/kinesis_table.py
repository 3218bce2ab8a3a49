"""The table says of every operation all that the model has, and nothing else, and the tests that it names are there."""
from kinesis_contract import MODEL, TABLE, TESTS, TABLE_FILE, model_of

ROOT = TABLE_FILE.parent.parent
# The operations of 2026, which are not served.
UNSERVED = ("Channel", "Queue")
faults = []


def differ(what, table, model):
    for name in sorted(set(model) - set(table)):
        faults.append(f"{what}: {name} is missing")
    for name in sorted(set(table) - set(model)):
        faults.append(f"{what}: the model has no {name}")


def test_exists(name, place):
    """`path` of a script that some Rust test runs, or `path: function` of a Rust test."""
    path, _, function = place.partition(": ")
    file = ROOT / path
    if not file.exists():
        return faults.append(f"{name}: there is no {path}")
    if function:
        before, found, _ = file.read_text().partition(f"fn {function}(")
        if not found or "test]" not in before[-60:]:
            faults.append(f"{name}: {path} has no test {function}")
    elif not any(f'"{file.name}"' in test.read_text() for test in (ROOT / "tests").glob("*.rs")):
        faults.append(f"{name}: nothing runs {path}")


def told(what, entry):
    """Whether each word is a test or a reason."""
    for name, word in entry.items():
        if not (word in TESTS or word.startswith("never: ") and len(word) > 20):
            faults.append(f"{what} {name}: {word!r} is neither a test nor a reason")


served = {name for name in MODEL.operation_names if not any(word in name for word in UNSERVED)}
differ("operations", TABLE, served)
for operation, entry in TABLE.items():
    if operation not in served:
        continue
    inputs, outputs, errors = model_of(operation)
    table = {part: entry.get(part, {}) for part in ("input", "output", "errors")}
    differ(f"{operation}, input", table["input"], inputs)
    differ(f"{operation}, output", table["output"], outputs)
    differ(f"{operation}, errors", table["errors"], errors)
    for path, spec in table["input"].items():
        if "ignored" in spec:
            if len(spec["ignored"]) < 20:
                faults.append(f"{operation}, input {path}: why is it ignored?")
        elif path in inputs and spec != inputs[path]:
            faults.append(f"{operation}, input {path}: {spec}, in the model {inputs[path]}")
    told(f"{operation}, output", table["output"])
    told(f"{operation}, errors", table["errors"])
for name, place in TESTS.items():
    test_exists(name, place)
assert not faults, "\n".join(faults)
assert len(TABLE) == 40 and sum(len(entry.get("output", {})) for entry in TABLE.values()) > 200
print(f"{len(TABLE)} operations are in the table as the model has them")
