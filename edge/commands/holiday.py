"""`edge holiday`."""

import click

from edge.admin import holidays
from edge.commands.base import Cli, group, pass_cli

command = group("holiday", "Days on which schedules that say `hol …` have those hours instead of the weekday's.")

_day = click.argument("day", metavar="DAY")


@command.command()
@_day
@click.option("--name", default="", help="What it is called.")
@pass_cli
def add(cli: Cli, day: str, name: str) -> None:
    """Add a holiday: a single day, 2026-04-06, or one of every year, 12-25."""
    with cli.edit() as edit:
        stored = holidays.add(edit, day, name)
    cli.done(f"{stored} is a holiday", {"day": stored})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All holidays."""
    with cli.reading() as scope:
        rows = holidays.listed(scope)
    cli.rows(rows, {"day": "day", "name": "name"})


@command.command()
@_day
@pass_cli
def remove(cli: Cli, day: str) -> None:
    """Make DAY a day like any other."""
    with cli.edit() as edit:
        holidays.remove(edit, day)
    cli.done(f"{day} is no holiday")
