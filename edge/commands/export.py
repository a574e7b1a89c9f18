"""`edge export`."""

from pathlib import Path

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_cli
def command(cli: Cli, file: Path) -> None:
    """Write everything the import template can say to FILE (.csv or .xlsx)."""
    from edge.admin.exporting import export_file

    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter("the name must end in .csv or .xlsx", param_hint="FILE")
    with cli.reading() as scope:
        exported = export_file(scope, file)
    for notice in exported.notices:
        cli.note(f"edge: {notice}")
    cli.done(f"{exported.rows} rows written to {file}", {"file": str(file), "rows": exported.rows})
