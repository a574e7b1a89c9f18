"""`docs/sip-traps.md` names tests that exist, for every trap."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sip-traps.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z0-9_/.]+)::(test_[a-z0-9_]+)`", PAGE)))


@functools.cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: part)
def test_a_named_test_exists(file, test):
    path = ROOT / (file if "/" in file else f"tests/unit/sip/test_{file}.py")
    assert test in functions_of(path)


def test_every_trap_has_a_row_and_a_test():
    rows = dict(re.findall(r"^\| ([0-9]+) \|(.*)$", PAGE, re.MULTILINE))
    assert list(map(int, rows)) == list(range(1, 38))
    assert all("::" in row for row in rows.values())
