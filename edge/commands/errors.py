"""Bad cells of a file, for people and for machines (decision 43)."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from edge.commands.base import Cli
from edge.core.template import CellError

_SHOWN: Final = 50  # to a person; machines get all


def error_rows(errors: Iterable[CellError]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(error) for error in errors]


def print_errors(cli: Cli, report: Mapping[str, Any]) -> None:
    """*report* as JSON, or its errors as a table."""
    if cli.as_json:
        cli.thing(report)
        return
    errors = report["errors"]
    columns = {"row": "row", "column": "column", "what is wrong": "reason"}
    cli.rows(errors[:_SHOWN], columns)
    more = f", of which {_SHOWN} are shown" if len(errors) > _SHOWN else ""
    cli.note(f"edge: nothing was stored: {len(errors)} errors{more}")
