"""`edge template`."""

from pathlib import Path

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_cli
def command(cli: Cli, file: Path) -> None:
    """Write an empty import template to FILE (.csv or .xlsx)."""
    from edge.admin.sheet_write import write_template

    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter("the name must end in .csv or .xlsx", param_hint="FILE")
    write_template(file)
    cli.done(f"template written to {file}", {"file": str(file)})
