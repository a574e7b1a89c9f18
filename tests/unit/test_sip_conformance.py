"""`docs/sip-conformance.md` names tests that exist and has a row for each RFC of the checklist."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sip-conformance.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z0-9_/.]+)::(test_[a-z0-9_]+)`", PAGE)))
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
RFCS = (
    2782, 3261, 3262, 3263, 3264, 3311, 3323, 3325, 3326, 3327, 3515, 3550, 3551, 3581, 3605, 3608, 3840, 3891, 4028,
    4475, 4733, 5009, 5118, 5393, 5407, 5626, 5627, 5630, 5761, 5876, 5922, 6026, 6086, 6665, 7118, 7332, 7616, 8446,
    8760, 8835, 8866,
)  # fmt: skip
NOT_SERVED = "Not served"


@functools.cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def file_of(name: str) -> Path:
    if name.endswith(".py"):
        return ROOT / name
    folder, _, module = name.rpartition("/")
    return ROOT / "tests" / "unit" / "sip" / folder / f"test_{module}.py"


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: part)
def test_a_named_test_exists(file, test):
    assert test in functions_of(file_of(file))


@pytest.mark.parametrize("rfc", RFCS)
def test_every_rfc_of_the_checklist_has_a_row(rfc):
    assert any(str(rfc) in row[0] for row in ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] != "| RFC"], ids=lambda row: row[0].strip("| "))
def test_every_row_names_a_test_or_says_that_it_is_not_served(row):
    assert len(row) == 4 or row[1].startswith(NOT_SERVED)
    assert row[1].startswith(NOT_SERVED) or "::test_" in row[2]


def test_where_an_independent_program_can_do_it_one_does():
    without = {row[0].strip("| ") for row in ROWS if row[0] != "| RFC" and "tests/peers/" not in row[-1]}
    assert without == {"6026", "7118, 8835"}
