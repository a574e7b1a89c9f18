"""Which devices an order is for, as a person says it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from edge.admin import device_list
from edge.admin.find import find_device
from edge.commands.base import Cli


def targets(function: Callable[..., Any]) -> Callable[..., Any]:
    """The devices that are meant: some by name, or all of a place. The arguments of `chosen`."""
    options = (
        click.argument("devices", nargs=-1, metavar="[MAC]..."),
        click.option("--building", metavar="NAME", help="Those of a building and of its apartments."),
        click.option("--public", is_flag=True, help="Those of the public area."),
        click.option("--all", "everywhere", is_flag=True, help="Those of the whole community."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def chosen(cli: Cli, devices: Sequence[str], building: str | None, public: bool, everywhere: bool) -> list[Any]:
    """Rows of `edge device list` of the devices that are meant."""
    if sum((bool(devices), building is not None, public, everywhere)) != 1:
        raise click.UsageError("say which: MACs or names, --building NAME, --public or --all")
    with cli.reading() as scope:
        rows = device_list.listed(scope, None)
        if devices:
            macs = {find_device(scope, typed).mac for typed in devices}
            return [row for row in rows if row["mac"] in macs]
    if building is not None:
        return [row for row in rows if _in_building(row, building)]
    return [row for row in rows if everywhere or row["place"] == "public"]


def _in_building(row: Mapping[str, Any], building: str) -> bool:
    return row["place"] != "public" and row["buildings"] != "all" and building in row["buildings"]
