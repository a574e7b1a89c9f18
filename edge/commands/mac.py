"""`edge mac`."""

from pathlib import Path

import click

from edge.admin import macs
from edge.commands.base import FAILED, Cli, group, pass_cli
from edge.commands.errors import error_rows, print_errors

command = group("mac", "The MAC library: which devices the community owns.")


@command.command()
@click.argument("mac", nargs=-1, required=True)
@pass_cli
def add(cli: Cli, mac: tuple[str, ...]) -> None:
    """Put MACs into the library."""
    with cli.edit() as edit:
        added = macs.add(edit, mac)
    cli.done(f"{added} MACs added", {"added": added})


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_cli
def import_(cli: Cli, file: Path) -> None:
    """Put the MACs of a CSV or XLSX file, one a row, into the library: all of them or none."""
    from edge.admin.sheet import read_sheet
    from edge.admin.sheet_limits import SheetError
    from edge.core.template import CellError

    try:
        found, errors = macs.from_rows(read_sheet(file).rows)
    except SheetError as error:
        errors = [CellError(None, None, error.code, str(error))]
    if errors:
        print_errors(cli, {"ok": False, "errors": error_rows(errors)})
        raise click.exceptions.Exit(FAILED)
    with cli.edit() as edit:
        added = macs.add(edit, found)
    cli.done(f"{added} MACs added", {"ok": True, "rows": len(found), "added": added, "errors": []})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """The library, and which device has taken each MAC."""
    with cli.reading() as scope:
        rows = macs.listed(scope)
    cli.rows(rows, {"mac": lambda row: row["mac"].upper(), "device": "device"})


@command.command()
@click.argument("mac")
@pass_cli
def remove(cli: Cli, mac: str) -> None:
    """Take a MAC that no device has out of the library."""
    with cli.edit() as edit:
        macs.remove(edit, mac)
    cli.done(f"{mac} removed")
