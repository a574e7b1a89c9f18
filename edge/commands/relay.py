"""`edge relay`."""

from collections.abc import Callable
from typing import Any

import click

from edge.admin import relays
from edge.commands.base import Cli, group, on_or_off, pass_cli, yes_no

command = group("relay", "A door's relays, and what opens them.")

_number = click.argument("number", type=click.IntRange(1, 4), metavar="1-4")
_security = click.option("--security", is_flag=True, help="A security relay; they have numbers of their own.")


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of add and set."""
    options = (
        _security,
        click.option("--name"),
        click.option("--enabled", type=yes_no),
        click.option("--methods", metavar="pin,rf_card,…", help="What opens it.  [default: every method of a door]"),
        click.option("--hold-s", type=click.IntRange(1, 60), help="How long it opens, in seconds.  [default: 5]"),
        click.option("--trigger-s", type=click.IntRange(0, 10), help="How long the panel waits first.  [default: 0]"),
        click.option("--schedule", metavar="NAME", help='When its methods open it; "" = always.'),
        click.option("--two-factor", type=yes_no, help="A credential opens it only with its other half: card and PIN."),
        click.option("--dtmf", metavar="CODE", help="Digits that open it in a call.  [default: its number]"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command()
@click.argument("device", metavar="MAC")
@_number
@_options
@pass_cli
def add(cli: Cli, device: str, number: int, enabled: str | None, two_factor: str | None, **options: Any) -> None:
    """Add a relay to a device."""
    with cli.edit() as edit:
        options |= {"enabled": on_or_off(enabled), "two_factor": on_or_off(two_factor)}
        identity = relays.add(edit, device, number, **options)
    cli.done(f"relay {number} of {device} added", {"id": identity})


@command.command("set")
@click.argument("device", metavar="MAC")
@_number
@_options
@pass_cli
def set_(cli: Cli, device: str, number: int, enabled: str | None, two_factor: str | None, **options: Any) -> None:
    """Change a relay."""
    with cli.edit() as edit:
        options |= {"enabled": on_or_off(enabled), "two_factor": on_or_off(two_factor)}
        relays.set_relay(edit, device, number, **options)
    cli.done(f"relay {number} of {device} changed")


@command.command("list")
@click.argument("device", metavar="MAC")
@pass_cli
def list_(cli: Cli, device: str) -> None:
    """The relays of a device."""
    with cli.reading() as scope:
        rows = relays.listed(scope, device)
    columns = ("name", "enabled", "methods", "hold_s", "trigger_s", "dtmf", "schedule", "two_factor")
    numbered = {"relay": lambda row: f"{'s' if row['security'] else ''}{row['number']}"}
    cli.rows(rows, numbered | {name.replace("_", " "): name for name in columns})


@command.command()
@click.argument("device", metavar="MAC")
@_number
@_security
@pass_cli
def remove(cli: Cli, device: str, number: int, security: bool) -> None:
    """Remove a relay."""
    with cli.edit() as edit:
        relays.remove(edit, device, number, security=security)
    cli.done(f"relay {number} of {device} removed")
