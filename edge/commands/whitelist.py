"""`edge whitelist`."""

import click

from edge.admin import whitelist
from edge.commands.base import Cli, group, pass_cli

command = group("whitelist", "Callers who may ring a door and open it by calling. (Apartments: `edge apartment set`.)")


@command.command()
@click.argument("number")
@click.option("--note", default="", help="Whose it is.")
@pass_cli
def add(cli: Cli, number: str, note: str) -> None:
    """Add a telephone number."""
    with cli.edit() as edit:
        stored = whitelist.add(edit, number, note)
    cli.done(f"{stored} may call", {"number": stored})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All numbers."""
    with cli.reading() as scope:
        rows = whitelist.listed(scope)
    cli.rows(rows, {"number": "number", "note": "note"})


@command.command()
@click.argument("number")
@pass_cli
def remove(cli: Cli, number: str) -> None:
    """Take a number away."""
    with cli.edit() as edit:
        whitelist.remove(edit, number)
    cli.done(f"{number} removed")
