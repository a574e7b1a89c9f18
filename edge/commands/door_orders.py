"""`edge door hold`, `lock`, `release` and `orders`."""

import time
from typing import Any, Final

import click

from edge.admin import orders
from edge.admin.orders import Scope
from edge.commands.base import FAILED, Cli, EdgeGroup, pass_cli
from edge.commands.times import moment
from edge.store import journal
from models.log import LogKind
from models.times import rfc3339

_ANSWERS_WITHIN_S: Final = 6.0  # a change is read within a second, an ack comes within three
_LOOKS_EVERY_S: Final = 0.1

_which = (
    click.argument("door", required=False),
    click.option("--building", metavar="NAME", help="The doors that serve this building alone."),
    click.option("--all", "everywhere", is_flag=True, help="All doors of the community."),
)


def add_to(group: EdgeGroup) -> None:
    """Make these commands of *group*."""
    for command in (hold, lock, release, orders_):
        group.add_command(command)


def _scope(door: str | None, building: str | None, everywhere: bool) -> Scope:
    if sum((door is not None, building is not None, everywhere)) != 1:
        raise click.UsageError("say which: a DOOR, --building NAME or --all")
    return Scope(door, building)


def _with_scope(function: Any) -> Any:
    for part in reversed(_which):
        function = part(function)
    return function


@click.command(cls=EdgeGroup.command_class)
@click.argument("door")
@click.option("--until", metavar="T", help="A moment in the next 24 hours.")
@click.option("--minutes", type=click.IntRange(1, 1440), metavar="N", help="Or so long from now.")
@pass_cli
def hold(cli: Cli, door: str, until: str | None, minutes: int | None) -> None:
    """Hold DOOR open until a time; audited. Exit code 1 where the door did not confirm that it does."""
    if (until is None) == (minutes is None):
        raise click.UsageError("say how long: --until T or --minutes N")
    with cli.edit() as edit:
        ends_ms = edit.now_ms + 60_000 * (minutes or 0)
        if until is not None:
            ends_ms = moment("--until", until, edit.community.time_zone) or 0
        after = journal.last_seq(edit.connection)
        identity = orders.hold(edit, door, ends_ms)
    result = _result(cli, identity, after)
    data = {"id": identity, "until": rfc3339(ends_ms), "result": result}
    if result == "opened":
        cli.done(f"{door} is held open until {data['until']}", data)
        return
    cli.done(f"{door} is ordered to stay open until {data['until']}", data)
    cli.note(f"edge: the door did not confirm it: {_WHY.get(result or '', 'no daemon serves this site')}")
    raise click.exceptions.Exit(FAILED)


_WHY: Final = {"offline": "it is offline", "no_ack": "no answer within 3 s", "refused": "it refused"}


def _result(cli: Cli, identity: str, after: int) -> str | None:
    """What the daemon wrote of the command under the order's id; None where none runs or writes."""
    from edge.commands.daemon import ask_if_running

    if ask_if_running(cli.site_folder, "/status") is None:
        return None
    end_s = time.monotonic() + _ANSWERS_WITHIN_S
    wanted = journal.LogFilter(kind=LogKind.DEVICE, after=after, id=identity)
    while time.monotonic() < end_s:
        with cli.reading() as scope:
            for row in journal.rows(scope.connection, wanted):
                return str(row["detail"]["result"])
        time.sleep(_LOOKS_EVERY_S)
    return None


@click.command(cls=EdgeGroup.command_class)
@_with_scope
@click.option("--until", metavar="T", help="A moment; without one: until it is released.")
@pass_cli
def lock(cli: Cli, door: str | None, building: str | None, everywhere: bool, until: str | None) -> None:
    """Lock down DOOR, a building's doors or all: only guards, operators, fire and exit buttons open; audited."""
    scope = _scope(door, building, everywhere)
    with cli.edit() as edit:
        identity = orders.lock(edit, scope, moment("--until", until, edit.community.time_zone))
    cli.done("locked down", {"id": identity})


@click.command(cls=EdgeGroup.command_class)
@_with_scope
@pass_cli
def release(cli: Cli, door: str | None, building: str | None, everywhere: bool) -> None:
    """End what was ordered for DOOR, a building or all doors, each by itself; audited."""
    scope = _scope(door, building, everywhere)
    with cli.edit() as edit:
        ended = orders.release(edit, scope)
        now_ms = edit.now_ms
    with cli.reading() as reading:
        left = orders.listed(reading, now_ms)
    cli.done(f"{ended} orders ended, {len(left)} others are in force", {"ended": ended, "orders": left})


@click.command("orders", cls=EdgeGroup.command_class)
@pass_cli
def orders_(cli: Cli) -> None:
    """What is ordered for doors now."""
    with cli.reading() as scope:
        rows = orders.listed(scope, time.time_ns() // 1_000_000)
    columns = {"order": "order", "door": "door", "building": "building", "until": "until", "since": "since", "by": "by"}
    cli.rows(rows, columns)
