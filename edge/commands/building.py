"""`edge building`."""

import click

from edge.admin import buildings
from edge.admin.find import find_building
from edge.commands.base import Cli, group, pass_cli, yes_option

command = group("building", "Buildings.")


@command.command()
@click.argument("name")
@pass_cli
def add(cli: Cli, name: str) -> None:
    """Add the building NAME, a number or a name."""
    with cli.edit() as edit:
        identity = buildings.add(edit, name)
    cli.done(f"building {name} added", {"id": identity})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All buildings."""
    with cli.reading() as scope:
        rows = buildings.listed(scope)
    cli.rows(rows, {"building": "name", "apartments": "apartments"})


@command.command()
@click.argument("name")
@pass_cli
def show(cli: Cli, name: str) -> None:
    """One building."""
    with cli.reading() as scope:
        identity = find_building(scope, name).id
        (row,) = (row for row in buildings.listed(scope) if row["id"] == identity)
    cli.thing(row)


@command.command("set")
@click.argument("name")
@click.option("--name", "new_name", required=True, help="Its new name.")
@pass_cli
def set_(cli: Cli, name: str, new_name: str) -> None:
    """Give the building NAME another name."""
    with cli.edit() as edit:
        buildings.rename(edit, name, new_name)
    cli.done(f"building {name} is called {new_name} now")


@command.command()
@click.argument("name")
@yes_option
@pass_cli
def remove(cli: Cli, name: str, yes: bool) -> None:
    """Remove the building with its apartments, their residents, devices and credentials."""
    with cli.reading() as scope:
        apartments = buildings.holds(scope, name)
    if apartments:
        cli.confirm(f"Remove building {name} with {apartments} apartments and all that is theirs?", yes)
    with cli.edit() as edit:
        buildings.remove(edit, name)
    cli.done(f"building {name} removed")
