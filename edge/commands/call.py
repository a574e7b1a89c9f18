"""`edge call`."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from edge.admin.edit import NotFound
from edge.admin.find import find_apartment, find_device
from edge.commands.base import REFUSED, Cli, EdgeGroup, pass_cli
from edge.commands.times import moment
from edge.core.call_events import ContactRef, Reach
from models.binding import ContactBinding
from models.call import LegKind, Refusal, Target
from models.ids import ApartmentId, DeviceId

command = EdgeGroup(
    "call",
    help="Calls: who would ring and why, what became of them.",
    lazy={"test": ("edge.commands.trial", "Place a real call to an apartment, as a visitor would.")},
)

_POLL_S: Final = 0.3
_MEDIA_COLUMNS: Final = ("kind", "packets", "lost", "jitter_ms", "sent", "fault")
_FOLLOWED: Final = 200  # newest calls that are looked at


@command.command()
@click.argument("apartment", metavar="BUILDING/NUMBER")
@click.option("--door", metavar="DOOR", help="As dialled at this door.")
@pass_cli
def plan(cli: Cli, apartment: str, door: str | None) -> None:
    """The stages of a call to an apartment, and why each leg is in or out. Exit code 3 where it may not be called."""
    with cli.reading() as scope:
        home = find_apartment(scope, apartment).id
        at = None if door is None else find_device(scope, door).id
        told = _plan(cli, scope, ApartmentId(home), None if at is None else DeviceId(at))
    if cli.as_json:
        cli.thing(told)
    else:
        _print_plan(cli, told)
    raise click.exceptions.Exit(0 if told["allowed"] else REFUSED)


def _plan(cli: Cli, scope: Any, home: ApartmentId, at: DeviceId | None) -> dict[str, Any]:
    from edge.calls.explain import plan_json
    from edge.commands.daemon import ask_if_running
    from edge.core.plan import Calling, to_apartment
    from edge.core.plan_legs import Circumstances
    from edge.store.bindings import load_bindings
    from edge.store.snapshot import load_snapshot

    config, now_ms = cli.site.config, time.time_ns() // 1_000_000
    snapshot = load_snapshot(scope.connection)
    door = None if at is None else snapshot.devices[at]
    apartment = snapshot.apartments[home]
    calling = Calling(Circumstances(snapshot, config.calls, bool(config.trunks), now_ms), door)
    served = door is None or (door.enabled and door.serves(home, apartment.building))
    planned = to_apartment(calling, apartment) if served else calling.refuse(Refusal.UNKNOWN)
    apps = ask_if_running(cli.site_folder, "/apps/live")
    return plan_json(planned, None if apps is None else _reach(load_bindings(scope.connection, now_ms), apps))


def _reach(bindings: Sequence[ContactBinding], apps: Mapping[str, Sequence[str]]) -> Reach:
    """Where a target can be rung: as the store has it, and *apps* of residents by their ids; telephones always can."""

    def reach(target: Target) -> Sequence[ContactRef]:
        if target.kind in (LegKind.LANDLINE, LegKind.PHONE):
            return [ContactRef(target.address, "through the trunk")]
        by_sip = [ContactRef(b.key, b.contact) for b in bindings if b.sip_user == target.address]
        return [*(ContactRef("app", words) for words in apps.get(target.resident or "", ())), *by_sip]

    return reach


def _print_plan(cli: Cli, told: Mapping[str, Any]) -> None:
    if not told["allowed"]:
        click.echo(f"refused: {told['reason']} ({told['status']})")
    rows = [
        {"stage": f"{number} ({stage['ring_s']:g} s)", **leg}
        for number, stage in enumerate(told["stages"], start=1)
        for leg in stage["legs"]
    ]
    if rows:
        cli.rows(rows, {"stage": "stage", "kind": "kind", "target": "target", "in": "in", "why": "why"})


@command.command("list")
@click.option("--apartment", metavar="BUILDING/NUMBER")
@click.option("--since", metavar="T", help="A day or a moment.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The newest N.")
@pass_cli
def list_(cli: Cli, apartment: str | None, since: str | None, limit: int | None) -> None:
    """Calls, the oldest first."""
    from edge.store import calls

    with cli.reading() as scope:
        home = None if apartment is None else find_apartment(scope, apartment).id
        since_ms = moment("--since", since, scope.community.time_zone)
        rows = list(calls.rows(scope.connection, calls.CallFilter(apartment=home, since_ms=since_ms, newest=limit)))
    cli.rows(rows, _COLUMNS)


def _answered(row: Any) -> str:
    return "" if row["answered_by"] is None else str(row["legs"][row["answered_by"]]["target"])


_COLUMNS: Final[Mapping[str, str | Callable[[Any], str]]] = {
    "id": "id",
    "at": "at",
    "from": "from",
    "dialled": "dialled",
    "apartment": "apartment",
    "outcome": lambda row: row["outcome"] or "in progress",
    "answered by": _answered,
    "opened": "opened",
    "talk": lambda row: f"{row['duration_s']:.0f} s",
    "legs": lambda row: "; ".join(f"{leg['kind']} {leg['target']}: {leg['state']}" for leg in row["legs"]),
}


@command.command()
@click.argument("call", metavar="ID")
@pass_cli
def show(cli: Cli, call: str) -> None:
    """One call: its stages and legs and, while the daemon remembers them, its messages."""
    from edge.commands.daemon import ask_if_running
    from edge.store import calls

    with cli.reading() as scope:
        row = next(calls.rows(scope.connection, calls.CallFilter(id=call)), None)
    if row is None:
        raise NotFound(f"there is no call {call}")
    ladder = ask_if_running(cli.site_folder, f"/calls/{call}/ladder")
    if cli.as_json:
        cli.thing({**row, "ladder": ladder})
        return
    cli.thing({name: value for name, value in row.items() if name not in ("legs", "stages", "media")})
    legs = [{"leg": number, **leg} for number, leg in enumerate(row["legs"])]
    cli.rows(legs, {name: name for name in ("leg", "kind", "target", "state", "rang_s", "why")})
    ends = [("caller", row["media"]), *((f"leg {leg['leg']}", leg["media"]) for leg in legs)]
    media = [{"end": end, **line, "fault": line["fault"] or ""} for end, lines in ends for line in lines]
    if media:
        cli.rows(media, {"end": "end", **{name: name for name in _MEDIA_COLUMNS}})
    _print_ladder(ladder)


def _print_ladder(ladder: Any) -> None:
    if not ladder:
        click.echo("Its messages are no longer kept.", err=True)
        return
    drawn = ladder.get("text") if isinstance(ladder, dict) else None
    click.echo(drawn if isinstance(drawn, str) else json.dumps(ladder, ensure_ascii=False, indent=2))


@command.command()
@click.argument("call", metavar="ID")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_cli
def export(cli: Cli, call: str, file: Path) -> None:
    """Write the messages of one call as a capture file (pcap), while the daemon remembers them."""
    from edge.commands.daemon import download

    written = download(cli.site_folder, f"/calls/{quote(call, safe='')}/capture")
    if written is None:
        raise NotFound(f"no messages of the call {call} are kept")
    file.write_bytes(written)
    cli.done(f"{file} written", {"file": str(file), "bytes": len(written)})


@command.command()
@pass_cli
def follow(cli: Cli) -> None:
    """Print calls as they begin, change and end, until Ctrl-C; with --json one object a line."""
    from edge.store import calls

    wanted = calls.CallFilter(newest=_FOLLOWED)
    seen: dict[str, dict[str, Any]] | None = None
    while True:
        with cli.reading() as scope:
            rows = {row["id"]: row for row in calls.rows(scope.connection, wanted)}
        for identity, row in rows.items():
            if seen is not None and seen.get(identity) != row:
                _print_call(cli, row)
        seen = rows
        time.sleep(_POLL_S)


def _print_call(cli: Cli, row: Mapping[str, Any]) -> None:
    if cli.as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        cells = (str(row[key] if isinstance(key, str) else key(row)) for key in _COLUMNS.values())
        click.echo("  ".join(cell for cell in cells if cell and cell != "[]"))
    sys.stdout.flush()
