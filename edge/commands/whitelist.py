"""`edge whitelist`."""

import click

from edge.admin import whitelist
from edge.commands.base import Cli, group, pass_cli

command = group("whitelist", "Callers who may ring a door and open it by calling. (Apartments: `edge apartment set`.)")


@command.command()
@click.argument("number")
@click.option("--note", default="", help="Whose it is.")
@click.option("--opens", metavar="DOOR", help="A call from it opens this door. (A caller's number can be forged.)")
@pass_cli
def add(cli: Cli, number: str, note: str, opens: str | None) -> None:
    """Add a telephone number."""
    with cli.edit() as edit:
        stored = whitelist.add(edit, number, note, opens=opens)
    cli.done(f"{stored} may call", {"number": stored})


@command.command("set")
@click.argument("number")
@click.option("--note", help="Whose it is.")
@click.option("--opens", metavar="DOOR", help='A call from it opens this door; "" = none.')
@pass_cli
def set_(cli: Cli, number: str, note: str | None, opens: str | None) -> None:
    """Change an entry."""
    with cli.edit() as edit:
        whitelist.set_number(edit, number, note=note, opens=opens)
    cli.done(f"{number} changed")


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All numbers."""
    with cli.reading() as scope:
        rows = whitelist.listed(scope)
    cli.rows(rows, {"number": "number", "note": "note", "opens": "opens"})


@command.command()
@click.argument("number")
@pass_cli
def remove(cli: Cli, number: str) -> None:
    """Take a number away."""
    with cli.edit() as edit:
        whitelist.remove(edit, number)
    cli.done(f"{number} removed")
