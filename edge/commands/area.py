"""`edge area`."""

from collections.abc import Callable
from typing import Any

import click

from edge.admin import areas
from edge.commands.base import Cli, group, one_of, pass_cli
from models.access import Passback

command = group("area", "Areas that know who is inside: anti-passback.")


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of add and set."""
    options = (
        click.option("--entry", metavar="MAC,…", help="Readers of the way in."),
        click.option("--exit", "exit_", metavar="MAC,…", help="Readers of the way out."),
        click.option("--passback", type=one_of(Passback), help="soft: opens, and raises an alarm; hard: is refused."),
        click.option("--forget-h", type=int, metavar="N", help="Hours after which nobody counts as inside; 0 = never."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _typed(options: dict[str, Any]) -> dict[str, Any]:
    """What was said, as `edge.admin.areas` takes it."""
    doors = {"entry": options["entry"], "exit": options["exit_"]}
    found: dict[str, Any] = {
        name: [door.strip() for door in typed.split(",") if door.strip()]
        for name, typed in doors.items()
        if typed is not None
    }
    if options["passback"] is not None:
        found["passback"] = Passback(options["passback"])
    if options["forget_h"] is not None:
        found["forget_h"] = options["forget_h"]
    return found


@command.command()
@click.argument("name")
@_options
@pass_cli
def add(cli: Cli, name: str, **options: Any) -> None:
    """Add an area. Without options: soft, forgotten after 24 hours."""
    with cli.edit() as edit:
        identity = areas.add(edit, name, **_typed(options))
    cli.done(f"area {name} added", {"id": identity})


@command.command("set")
@click.argument("name")
@_options
@pass_cli
def set_(cli: Cli, name: str, **options: Any) -> None:
    """Change an area; readers named replace those of that side."""
    with cli.edit() as edit:
        areas.set_area(edit, name, **_typed(options))
    cli.done(f"area {name} changed")


@command.command()
@click.argument("name")
@pass_cli
def reset(cli: Cli, name: str) -> None:
    """Forget who is inside: the next reading counts as the first; audited."""
    with cli.edit() as edit:
        areas.reset(edit, name)
    cli.done(f"area {name} knows nobody")


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All areas, and how many are inside."""
    with cli.reading() as scope:
        rows = areas.listed(scope)
    columns = ("name", "passback", "forget_h", "entry", "exit", "inside")
    cli.rows(rows, {name.replace("_", " "): name for name in columns})


@command.command()
@click.argument("name")
@pass_cli
def remove(cli: Cli, name: str) -> None:
    """Remove an area; its readers stay."""
    with cli.edit() as edit:
        areas.remove(edit, name)
    cli.done(f"area {name} removed")
