"""`edge apartment`."""

from collections.abc import Callable
from typing import Any

import click

from edge.admin import apartments, mass
from edge.admin.find import find_apartment
from edge.commands.base import Cli, group, one_of, pass_cli, yes_option
from edge.commands.sheet import sheet
from models.service import ServiceState

command = group("apartment", "Apartments, their service state, emptying them.")
command.add_command(sheet)


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of add and set."""
    options = (
        click.option("--name"),
        click.option("--floor"),
        click.option("--accessible-floors", metavar="1,2,B1", help="Where the lift may take its people."),
        click.option(
            "--call-type", type=click.Choice(["0", "1", "2", "3", "4", "5"]), help="Who rings, in what order."
        ),
        click.option("--web-relay", type=int, metavar="N", help="0 = none."),
        click.option("--whitelisted/--no-whitelisted", default=None, help="May be called without handset and monitor."),
        click.option("--handset/--no-handset", "has_handset", default=None, help="Whether it has an analogue handset."),
        click.option("--network-group", metavar="G", help="Devices of one group exchange media directly."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@_options
@pass_cli
def add(cli: Cli, apartment: str, **options: Any) -> None:
    """Add an apartment to a building."""
    with cli.edit() as edit:
        identity = apartments.add(edit, apartment, **options)
    cli.done(f"apartment {apartment} added", {"id": identity})


@command.command("set")
@click.argument("apartment", metavar="BUILDING/NUMBER")
@_options
@pass_cli
def set_(cli: Cli, apartment: str, **options: Any) -> None:
    """Change an apartment."""
    with cli.edit() as edit:
        apartments.set_apartment(edit, apartment, **options)
    cli.done(f"apartment {apartment} changed")


@command.command("list")
@click.option("--building", metavar="NAME")
@pass_cli
def list_(cli: Cli, building: str | None) -> None:
    """All apartments, or those of one building."""
    with cli.reading() as scope:
        rows = apartments.listed(scope, building)
    columns = ("apartment", "name", "floor", "call_type", "landlines", "handset", "whitelisted", "service", "web_relay")
    cli.rows(rows, {name.replace("_", " "): name for name in columns})


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@pass_cli
def show(cli: Cli, apartment: str) -> None:
    """One apartment."""
    with cli.reading() as scope:
        (row,) = apartments.listed(scope, only=find_apartment(scope, apartment).id)
    cli.thing(row)


@command.command()
@click.argument("apartments", metavar="BUILDING/NUMBER…", nargs=-1)
@click.argument("state", type=one_of(ServiceState))
@click.option("--building", metavar="NAME", help="All apartments of this building.")
@click.option("--confirm", is_flag=True, help="Close more than 10 % of a building, and more than 5 apartments.")
@pass_cli
def service(cli: Cli, apartments: tuple[str, ...], state: str, building: str | None, confirm: bool) -> None:
    """Set the service state: active; blocked (keys only); off (nothing opens). Of several apartments: all or none."""
    if not apartments and building is None:
        raise click.UsageError("name apartments, or --building NAME")
    with cli.edit() as edit:
        count = mass.set_services(edit, apartments, ServiceState(state), whole_building=building, confirmed=confirm)
    named = f"apartment {apartments[0]} is" if count == 1 and apartments else f"{count} apartments are"
    cli.done(f"{named} {state}")


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@yes_option
@pass_cli
def reset(cli: Cli, apartment: str, yes: bool) -> None:
    """Empty an apartment between tenants: members, contacts, landlines, histories, every credential."""
    cli.confirm(f"Empty apartment {apartment}: residents' data, histories, landlines and every credential?", yes)
    with cli.edit() as edit:
        apartments.reset(edit, apartment)
    cli.done(f"apartment {apartment} is empty")


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@yes_option
@pass_cli
def remove(cli: Cli, apartment: str, yes: bool) -> None:
    """Remove an apartment with its residents, devices and credentials."""
    cli.confirm(f"Remove apartment {apartment} with its residents, devices and credentials?", yes)
    with cli.edit() as edit:
        apartments.remove(edit, apartment)
    cli.done(f"apartment {apartment} removed")
