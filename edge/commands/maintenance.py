"""`edge device reboot`, `reset`, `autop`, `arm`, `disarm` and `upgrade`: orders for devices."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

from edge.commands.base import FAILED, REFUSED, Cli, EdgeGroup, pass_cli
from edge.commands.devices import chosen, targets
from edge.commands.firmware import upgrade
from edge.commands.progress import counted

_COLUMNS: Final[Mapping[str, str | Callable[[Any], str]]] = {
    "mac": lambda row: row["mac"].upper(),
    "name": "name",
    "result": "result",
    "why": "why",
}
_CODES: Final = {200: 0, 403: REFUSED}


def add_to(group: EdgeGroup) -> None:
    """Make these commands of *group*."""
    for command in (reboot, reset, autop, upgrade, arm, disarm):
        group.add_command(command)


def _give(cli: Cli, rows: Iterable[Any], verb: str, lines: Sequence[str] = ()) -> None:
    """Give the order to each of *rows*, one after the other, and say what became of it. Exits 1 where one failed."""
    results = list(_given(cli, list(rows), verb, lines))
    if not results:
        cli.note("edge: there is no such device")
        raise click.exceptions.Exit(FAILED)
    worst = max(row.pop("code") for row in results)
    cli.rows(results, _COLUMNS)
    raise click.exceptions.Exit(worst)


def _given(cli: Cli, rows: Sequence[Any], verb: str, lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    from edge.commands.daemon import NoDaemon, ask

    for row in counted(rows, f"{verb} devices"):
        try:
            body = {"lines": list(lines), "actor": "installer"}
            status, answer = ask(cli.site_folder, f"/devices/{row['mac']}/{verb}", body)
        except NoDaemon as error:
            raise OSError(f"{error}: devices take orders from the running daemon") from error
        yield {
            "mac": row["mac"],
            "name": row["name"],
            "result": answer.get("result") or "refused",
            "why": answer.get("error", ""),
            "code": _CODES.get(status, FAILED),
        }


@click.command(cls=EdgeGroup.command_class)
@targets
@pass_cli
def reboot(cli: Cli, devices: tuple[str, ...], **where: Any) -> None:
    """Reboot devices. Exit code 1 where one did not confirm it."""
    _give(cli, chosen(cli, devices, **where), "reboot")


@click.command(cls=EdgeGroup.command_class)
@targets
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_cli
def reset(cli: Cli, devices: tuple[str, ...], yes: bool, **where: Any) -> None:
    """Bring devices back to their factory state. They need their logins anew then."""
    rows = chosen(cli, devices, **where)
    cli.confirm(f"Reset {len(rows)} device(s) to their factory state?", yes)
    _give(cli, rows, "reset")


@click.command(cls=EdgeGroup.command_class)
@targets
@click.option("--line", "lines", multiple=True, metavar="'KEY = VALUE'", help="Sent once, beside the configuration.")
@pass_cli
def autop(cli: Cli, devices: tuple[str, ...], lines: tuple[str, ...], **where: Any) -> None:
    """Have devices fetch their configuration now, or take lines once; a line that is there twice is sent once."""
    from edge.fleet.verbs import autop_lines

    try:
        checked = autop_lines(lines)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--line") from error
    _give(cli, chosen(cli, devices, **where), "autop", checked)


@click.command(cls=EdgeGroup.command_class)
@targets
@pass_cli
def arm(cli: Cli, devices: tuple[str, ...], **where: Any) -> None:
    """Arm indoor monitors."""
    _give(cli, chosen(cli, devices, **where), "arm")


@click.command(cls=EdgeGroup.command_class)
@targets
@pass_cli
def disarm(cli: Cli, devices: tuple[str, ...], **where: Any) -> None:
    """Disarm indoor monitors."""
    _give(cli, chosen(cli, devices, **where), "disarm")
