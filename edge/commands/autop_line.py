"""`edge autop line`: lines of extra configuration that are kept and come with every fetch."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from edge.commands.base import Cli, group, pass_cli

if TYPE_CHECKING:
    from edge.admin.autop_lines import For

command = group("line", "Lines KEY = VALUE beside what the edge sets itself, kept and in every fetch.")


def whom(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whom lines are for. The arguments of `_meant`."""
    options = (
        click.option("--device", metavar="MAC", help="One device."),
        click.option("--model", metavar="MODEL", help="All that call themselves so."),
        click.option("--building", metavar="NAME", help="Those of a building and of its apartments."),
        click.option("--public", is_flag=True, help="Those of the public area."),
        click.option("--all", "everywhere", is_flag=True, help="Those of the whole community."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command()
@click.argument("lines", nargs=-1, required=True, metavar="'KEY = VALUE'...")
@whom
@pass_cli
def add(cli: Cli, lines: tuple[str, ...], **meant: Any) -> None:
    """Keep lines; `-` reads them from standard input. What is there already is dropped; a known key gets a new value.

    What the edge sets itself it goes on setting: `edge autop render` says which lines have no effect.
    """
    from edge.admin import autop_lines
    from edge.fleet.verbs import autop_lines as checked_lines

    typed = sys.stdin.read().splitlines() if lines == ("-",) else lines
    try:
        pairs = [line.partition("=") for line in checked_lines(typed)]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="KEY = VALUE") from error
    with cli.edit() as edit:
        new = autop_lines.add(edit, _meant(**meant), [(key.strip(), value.strip()) for key, _, value in pairs])
    cli.done(f"{new} line(s) kept, {len(pairs) - new} were there", {"kept": new, "dropped": len(pairs) - new})


@command.command("list")
@click.option("--secrets", is_flag=True, help="With their values, which may be passwords.")
@pass_cli
def list_(cli: Cli, secrets: bool) -> None:
    """All kept lines."""
    from edge.admin import autop_lines

    with cli.reading() as scope:
        rows = autop_lines.listed(scope, cli.site.secrets.vault, secrets=secrets)
    cli.rows(rows, {"for": "scope", "": "what", "key": "key", "value": "value"})


@command.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@whom
@pass_cli
def remove(cli: Cli, keys: tuple[str, ...], **meant: Any) -> None:
    """Forget lines by their keys; without a key all of whom is meant."""
    from edge.admin import autop_lines

    with cli.edit() as edit:
        gone = autop_lines.remove(edit, _meant(**meant), keys)
    cli.done(f"{gone} line(s) forgotten", {"forgotten": gone})


def _meant(device: str | None, model: str | None, building: str | None, public: bool, everywhere: bool) -> "For":
    from edge.admin.autop_lines import For
    from models.tables.provisioning import LinesFor

    named = (
        (LinesFor.DEVICE, device),
        (LinesFor.MODEL, model),
        (LinesFor.BUILDING, building),
        (LinesFor.PUBLIC, "" if public else None),
        (LinesFor.COMMUNITY, "" if everywhere else None),
    )
    said = [For(scope, what) for scope, what in named if what is not None]
    if len(said) != 1:
        raise click.UsageError("say for whom: --device MAC, --model MODEL, --building NAME, --public or --all")
    return said[0]
