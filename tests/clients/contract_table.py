"""A service's table says of every operation all that the model has, and nothing else, and the tests that it names are there.

usage: contract_table.py SERVICE
"""
import sys

from contract import ROOT, Contract

# What is in the names of operations that are not served: the ones of 2026; grants, imported keys, asymmetric keys, other stores.
UNSERVED = {
    "kinesis": ("Channel", "Queue"),
    "kms": ("Grant", "Import", "CustomKeyStore", "KeyPair", "Mac", "Sign", "Verify", "PublicKey", "SharedSecret", "ReplicateKey",
            "PrimaryRegion", "LastUsage", "capsulate"),
}
contract = Contract(sys.argv[1])
TABLE, TESTS = contract.table, contract.tests
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


served = {name for name in contract.model.operation_names if not any(word in name for word in UNSERVED[sys.argv[1]])}
differ("operations", TABLE, served)
for operation, entry in TABLE.items():
    if operation not in served:
        continue
    inputs, outputs, errors = contract.of(operation)
    table = {part: entry.get(part, {}) for part in ("input", "output", "errors")}
    differ(f"{operation}, input", table["input"], inputs)
    differ(f"{operation}, output", table["output"], outputs)
    differ(f"{operation}, errors", table["errors"], errors)
    for path, spec in table["input"].items():
        if "ignored" in spec:
            if len(spec["ignored"]) < 20:
                faults.append(f"{operation}, input {path}: why is it ignored?")
        elif "differs" in spec:
            ours = {name: member for name, member in spec.items() if name != "differs"}
            if len(spec["differs"]) < 20 or ours == inputs.get(path):
                faults.append(f"{operation}, input {path}: why, and does it still differ?")
        elif path in inputs and spec != inputs[path]:
            faults.append(f"{operation}, input {path}: {spec}, in the model {inputs[path]}")
    told(f"{operation}, output", table["output"])
    told(f"{operation}, errors", table["errors"])
for name, place in TESTS.items():
    test_exists(name, place)
assert not faults, "\n".join(faults)
print(f"{len(TABLE)} operations of {sys.argv[1]} are in the table as the model has them")
