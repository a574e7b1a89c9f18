"""`edge group`."""

import click

from edge.admin import groups
from edge.admin.find import find_door_group
from edge.commands.base import Cli, group, pass_cli

command = group("group", "Groups of doors, to narrow credentials to: `--doors group:NAME`.")


def _doors(typed: str | None) -> list[str] | None:
    return None if typed is None else [door.strip() for door in typed.split(",") if door.strip()]


@command.command()
@click.argument("name")
@click.option("--doors", default="", metavar="MAC,…", help="Its doors, by MAC or name.")
@pass_cli
def add(cli: Cli, name: str, doors: str) -> None:
    """Add a group of doors."""
    with cli.edit() as edit:
        identity = groups.add(edit, name, _doors(doors) or ())
    cli.done(f"group {name} added", {"id": identity})


@command.command("set")
@click.argument("name")
@click.option("--name", "new_name", help="Its new name.")
@click.option("--doors", metavar="MAC,…", help="All its doors from now on.")
@pass_cli
def set_(cli: Cli, name: str, new_name: str | None, doors: str | None) -> None:
    """Change a group; credentials narrowed to it follow at once."""
    with cli.edit() as edit:
        groups.set_group(edit, name, new_name=new_name, doors=_doors(doors))
    cli.done(f"group {name} changed")


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All groups of doors."""
    with cli.reading() as scope:
        rows = groups.listed(scope)
    cli.rows(rows, {"name": "name", "doors": "doors"})


@command.command()
@click.argument("name")
@pass_cli
def show(cli: Cli, name: str) -> None:
    """One group."""
    with cli.reading() as scope:
        identity = find_door_group(scope, name).id
        (row,) = (row for row in groups.listed(scope) if row["id"] == identity)
    cli.thing(row)


@command.command()
@click.argument("name")
@pass_cli
def remove(cli: Cli, name: str) -> None:
    """Remove a group that no credential is narrowed to."""
    with cli.edit() as edit:
        groups.remove(edit, name)
    cli.done(f"group {name} removed")
