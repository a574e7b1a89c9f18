"""`edge log`."""

import contextlib
import csv
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from edge.commands.base import FAILED, Cli, group, one_of, pass_cli
from edge.commands.times import moment
from models.log import LogKind

command = group("log", "The journal: attempts, rings, calls, devices, alarms, audit.")

_POLL_S: Final = 0.3


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--door", metavar="DOOR", help="Name or MAC."),
        click.option("--apartment", metavar="BUILDING/NUMBER"),
        click.option("--since", metavar="T", help="A day or a moment."),
        click.option("--kind", type=one_of(LogKind)),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command("list")
@_filters
@click.option("--after", type=int, metavar="SEQ", help="Rows behind this one.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="With --after the next N rows, else the newest N.")
@pass_cli
def list_(cli: Cli, limit: int | None, after: int | None, **filters: str | None) -> None:
    """Rows in ascending order, all of them unless limited."""
    from edge.store import journal

    with cli.reading() as scope:
        wanted = _wanted(scope, after, limit if after is not None else None, filters)
        found: Iterable[dict[str, Any]] = journal.rows(scope.connection, wanted)
        rows = list(found if limit is None else deque(found, maxlen=limit))
    cli.rows(rows, _COLUMNS)


_COLUMNS: Final[Mapping[str, str | Callable[[Any], str]]] = {
    "seq": "seq",
    "at": "at",
    "kind": "kind",
    "door": "door",
    "method": "method",
    "outcome": "outcome",
    "reason": "reason",
    "apartment": "apartment",
    "resident": "resident",
    "relays": "relays",
    "more": lambda row: ", ".join(f"{name} {value}" for name, value in row["detail"].items()),
}


def _wanted(scope: Any, after: int | None, limit: int | None, filters: Mapping[str, str | None]) -> Any:
    """The filter; names of things that are gone by now still match the rows that name them."""
    from edge.admin.edit import NotFound
    from edge.admin.find import find_apartment
    from edge.store.journal import LogFilter
    from models.ids import parse_mac

    door, apartment, kind = filters["door"], filters["apartment"], filters["kind"]
    if door is not None:
        with contextlib.suppress(ValueError):  # a name, then
            door = parse_mac(door)
    if apartment is not None:
        with contextlib.suppress(NotFound):
            apartment = find_apartment(scope, apartment).id
    since_ms = moment("--since", filters["since"], scope.community.time_zone)
    return LogFilter(door, apartment, since_ms, None if kind is None else LogKind(kind), after, limit)


@command.command()
@_filters
@pass_cli
def follow(cli: Cli, **filters: str | None) -> None:
    """Print rows as they come, until Ctrl-C; with --json one object a line."""
    for row in _new_rows(cli, filters):
        if cli.as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            cells = (_text(row[key] if isinstance(key, str) else key(row)) for key in _COLUMNS.values())
            click.echo("  ".join(cell for cell in cells if cell))
        sys.stdout.flush()


def _text(value: Any) -> str:
    return "" if value is None or value == [] else str(value)


def _new_rows(cli: Cli, filters: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    from edge.store import journal

    with cli.reading() as scope:
        seen = journal.last_seq(scope.connection)
    while True:
        with cli.reading() as scope:
            newest = journal.last_seq(scope.connection)
            rows = list(journal.rows(scope.connection, _wanted(scope, seen, None, filters))) if newest > seen else []
        yield from rows
        seen = max(newest, seen)
        time.sleep(_POLL_S)


@command.command()
@_filters
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_cli
def export(cli: Cli, file: Path, **filters: str | None) -> None:
    """Write rows to FILE: .csv, .json, or .jsonl with one JSON object a line."""
    from edge.store import journal

    kind = file.suffix.lower()
    if kind not in _WRITERS:
        raise click.BadParameter(f"the name must end in {', '.join(_WRITERS)}", param_hint="FILE")
    with cli.reading() as scope, file.open("w", encoding="utf-8", newline="") as out:
        rows = journal.rows(scope.connection, _wanted(scope, None, None, filters))
        count = _WRITERS[kind](out, rows)
    cli.done(f"{count} rows written to {file}", {"file": str(file), "rows": count})


def _write_lines(out: Any, rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(bool(out.write(json.dumps(row, ensure_ascii=False) + "\n")) for row in rows)


def _write_csv(out: Any, rows: Iterable[Mapping[str, Any]]) -> int:
    from edge.admin.sheet_limits import escaped

    writer = csv.writer(out)
    count = 0
    for count, row in enumerate(rows, start=1):
        if count == 1:
            writer.writerow(row)
        cells = (
            json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in row.values()
        )
        writer.writerow([escaped(cell) if isinstance(cell, str) else cell for cell in cells])
    return count


def _write_array(out: Any, rows: Iterable[Mapping[str, Any]]) -> int:
    """One JSON array, a row a line; never more than a row in memory."""
    count = 0
    out.write("[")
    for count, row in enumerate(rows, start=1):
        out.write(("\n" if count == 1 else ",\n") + json.dumps(row, ensure_ascii=False))
    out.write("\n]\n")
    return count


_WRITERS: Final[Mapping[str, Callable[[Any, Iterable[Mapping[str, Any]]], int]]] = {
    ".csv": _write_csv,
    ".json": _write_array,
    ".jsonl": _write_lines,
}


@command.command()
@pass_cli
def verify(cli: Cli) -> None:
    """Whether a row was changed or taken out by other means than this program. Exit code 1 where one was."""
    from edge.store import journal

    with cli.reading() as scope:
        verdict = journal.verify(scope.connection)
    found = {
        "sound": verdict.sound,
        "rows": verdict.rows,
        "newest": verdict.newest,
        "erased": verdict.erased,
        "broken": verdict.broken,
        "missing": verdict.missing,
    }
    if verdict.sound:
        cli.done(f"{verdict.rows} rows, none changed or missing; {verdict.erased} had had their time", found)
        return
    changed = f"row {verdict.broken} was changed, or one before it taken out"
    cli.done(changed if verdict.broken is not None else f"{verdict.missing} rows are missing", found)
    raise click.exceptions.Exit(FAILED)
