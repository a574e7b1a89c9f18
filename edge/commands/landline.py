"""`edge landline`."""

import click

from edge.admin import apartments
from edge.commands.base import Cli, group, pass_cli

command = group("landline", "Apartments' telephones, 1 to 3, rung in this order.")


@command.command("set")
@click.argument("apartment", metavar="BUILDING/NUMBER")
@click.argument("values", metavar="[1|2|3] NUMBER|-", nargs=-1, required=True)
@pass_cli
def set_(cli: Cli, apartment: str, values: tuple[str, ...]) -> None:
    """Set landline 1, 2 or 3 (1 if not said) to NUMBER; - takes it away."""
    if len(values) > 2:
        raise click.UsageError("give a position and a number, or a number")
    position = values[0] if len(values) == 2 else "1"
    if position not in ("1", "2", "3"):
        raise click.UsageError(f"{position} is not a landline: 1, 2 or 3")
    number = "" if values[-1] == "-" else values[-1]
    with cli.edit() as edit:
        apartments.set_landline(edit, apartment, int(position), number)
    cli.done(f"landline {position} of {apartment} is {number or 'none'}")


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All landlines."""
    with cli.reading() as scope:
        rows = apartments.landlines_listed(scope)
    cli.rows(rows, {"apartment": "apartment", "position": "position", "number": "number"})
