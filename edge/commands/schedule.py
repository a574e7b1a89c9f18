"""`edge schedule`."""

import click

from edge.admin import schedules
from edge.admin.find import find_schedule
from edge.commands.base import Cli, group, pass_cli

command = group("schedule", "Hours of credentials, relays and doors.")

_week = click.option(
    "--week", required=True, metavar='"mon 08:00-18:00; sat 22:00-02:00"',
    help="Days and hours in the community's time; an end before its beginning is the next day's; "
    "2026-12-24 08:00-12:00 or 2026-12-24 closed for one day; hol 10:00-14:00 or hol closed for holidays; "
    "always; never.",
)  # fmt: skip


@command.command()
@click.argument("name")
@_week
@pass_cli
def add(cli: Cli, name: str, week: str) -> None:
    """Add a schedule."""
    with cli.edit() as edit:
        identity = schedules.add(edit, name, week)
    cli.done(f"schedule {name} added", {"id": identity})


@command.command("set")
@click.argument("name")
@_week
@pass_cli
def set_(cli: Cli, name: str, week: str) -> None:
    """Change the hours of a schedule."""
    with cli.edit() as edit:
        schedules.set_schedule(edit, name, week)
    cli.done(f"schedule {name} changed")


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All schedules."""
    with cli.reading() as scope:
        rows = schedules.listed(scope)
    cli.rows(rows, {"name": "name", "week": "week"})


@command.command()
@click.argument("name")
@pass_cli
def show(cli: Cli, name: str) -> None:
    """One schedule."""
    with cli.reading() as scope:
        identity = find_schedule(scope, name).id
        (row,) = (row for row in schedules.listed(scope) if row["id"] == identity)
    cli.thing(row)


@command.command()
@click.argument("name")
@pass_cli
def remove(cli: Cli, name: str) -> None:
    """Remove a schedule that nothing uses."""
    with cli.edit() as edit:
        schedules.remove(edit, name)
    cli.done(f"schedule {name} removed")
