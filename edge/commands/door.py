"""`edge door`."""

import time
from typing import Any, Final

import click

from edge.admin.find import find_device
from edge.commands import door_orders
from edge.commands.base import FAILED, REFUSED, Cli, from_stdin, group, pass_cli
from edge.commands.times import moment
from models.access import Attempt, UnlockMethod
from models.ids import Mac

command = group("door", "Why a door would open or stay shut; open it, hold it open, lock it down.")

_METHODS: Final = {
    "pin": UnlockMethod.PIN,
    "apt_pin": UnlockMethod.APT_PIN,
    "card": UnlockMethod.RF_CARD,
    "nfc": UnlockMethod.NFC,
    "face": UnlockMethod.FACE,
    "bluetooth": UnlockMethod.BLUETOOTH,
    "qr": UnlockMethod.QR,
}


door_orders.add_to(command)


@command.command()
@click.argument("door")
@click.option("--pin", metavar="V")
@click.option("--apt-pin", metavar="APT+PIN", help="101+1234, or BUILDING*101+1234.")
@click.option("--card", metavar="V")
@click.option("--nfc", metavar="V")
@click.option("--face", metavar="V")
@click.option("--bluetooth", metavar="V")
@click.option("--qr", metavar="V")
@click.option("--at", metavar="T", help="At this moment instead of now.")
@pass_cli
def explain(cli: Cli, door: str, at: str | None, **values: str | None) -> None:
    """Say why a credential would, or would not, open DOOR. Opens, counts and consumes nothing; V - reads from
    standard input. Exit code 3 where it would not open."""
    from edge.core.tags import Tagger
    from edge.doors.explain import explain as explained
    from edge.doors.ledger import stored_state
    from edge.store.keys import present_pepper
    from edge.store.snapshot import load_snapshot

    presented = [(name, value) for name, value in values.items() if value is not None]
    if len(presented) != 1:
        raise click.UsageError("present one thing: " + ", ".join(f"--{name.replace('_', '-')}" for name in _METHODS))
    name, value = presented[0]
    with cli.reading() as scope:
        device = find_device(scope, door)
        real_now_ms = time.time_ns() // 1_000_000
        now_ms = moment("--at", at, scope.community.time_zone) or real_now_ms
        attempt = _attempt(Mac(device.mac), _METHODS[name], from_stdin(value) or "", now_ms)
        snapshot = load_snapshot(scope.connection)
        state = stored_state(scope.connection, time.monotonic(), real_now_ms)
        pepper, *older = cli.site.secrets.peppers(present_pepper(scope.connection))
        tagger = Tagger(pepper, scope.community_id, older)
    told = explained(attempt, snapshot, state, now_ms, tagger)
    cli.thing({"door": device.name, "device": device.mac, **told})
    raise click.exceptions.Exit(0 if told["granted"] else REFUSED)


def _attempt(mac: Mac, method: UnlockMethod, value: str, at_ms: int) -> Attempt:
    from edge.doors.explain import parse_apt_pin

    apartment, building = None, None
    if method is UnlockMethod.APT_PIN:
        try:
            building, apartment, value = parse_apt_pin(value)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--apt-pin") from error
    if not 1 <= len(value) <= 128:
        raise click.UsageError("a value has 1 to 128 characters")
    return Attempt("explain", mac, method, value, at_ms, apartment, building)


@command.command("open")
@click.argument("door")
@click.option("--relay", type=click.IntRange(1, 4), metavar="N", help="[default: every relay that lists remote]")
@pass_cli
def open_(cli: Cli, door: str, relay: int | None) -> None:
    """Open DOOR now; audited. Its relay must list the method remote."""
    from edge.commands.daemon import NoDaemon, ask

    with cli.reading() as scope:
        mac = find_device(scope, door).mac
    try:
        status, body = ask(cli.site_folder, f"/doors/{mac}/open", {"relay": relay, "actor": "installer"})
    except NoDaemon as error:
        raise OSError(f"{error}: a door is opened by the running daemon") from error
    code = {200: 0, 403: REFUSED}.get(status, FAILED)
    cli.thing(body)
    if code:
        cli.note(f"edge: {_why(body)}")
    raise click.exceptions.Exit(code)


def _why(body: Any) -> str:
    told = body if isinstance(body, dict) else {}
    return str(told.get("error") or told.get("reason") or told.get("detail") or "the door was not opened")
