"""`edge import`."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from edge.commands.base import FAILED, Cli, EdgeCommand, pass_cli
from edge.commands.errors import error_rows, print_errors
from edge.core.template import Progress


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check the file and store nothing.")
@pass_cli
def command(cli: Cli, file: Path, dry_run: bool) -> None:
    """Import buildings, apartments, residents and devices from a CSV or XLSX file: all of it or nothing."""
    from edge.admin.importing import import_file

    with _progress() as progress:
        outcome = import_file(cli.site.admin("installer"), file, dry_run=dry_run, progress=progress)
    for notice in outcome.notices:
        cli.note(f"edge: {notice}")
    if not outcome.ok:
        print_errors(cli, {"ok": False, "errors": error_rows(outcome.errors)})
        raise click.exceptions.Exit(FAILED)
    counts = {name: getattr(outcome, name) for name in ("rows", "buildings", "apartments", "residents", "devices")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    cli.done(f"{'could be imported' if dry_run else 'imported'}: {told}", {"ok": True, **counts, "errors": []})


@contextlib.contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on standard error, where somebody looks at it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed:.0f} rows"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda row: bar.update(task, completed=row)
