"""`edge apartment sheet`: what an installer prints and leaves in the apartment."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import click

from edge.admin import credentials
from edge.admin.credentials import NewCredential
from edge.admin.edit import Edit
from edge.admin.find import find_apartment, find_building
from edge.commands.base import Cli, EdgeGroup, pass_cli
from edge.commands.sheet_page import Invited, Sheet, SheetDoor, page
from edge.core.snapshot import Snapshot
from models.access import CredentialKind, UnlockMethod
from models.community import Apartment
from models.ids import ApartmentId
from models.service import PinMode


@click.command(cls=EdgeGroup.command_class)
@click.argument("apartments", nargs=-1, metavar="[BUILDING/NUMBER]...")
@click.option("--building", metavar="NAME", help="All apartments of a building.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A new file .html.")
@click.option("--pin", is_flag=True, help="With a new PIN for each apartment; it can't be printed again.")
@pass_cli
def sheet(cli: Cli, apartments: tuple[str, ...], building: str | None, file: Path, pin: bool) -> None:
    """A page to print for each apartment: a code that lets each resident's phone in, a PIN, the doors.

    Invitations that waited are void after it. FILE holds secrets: it is its owner's alone, to be removed once printed.
    """
    if bool(apartments) == (building is not None):
        raise click.UsageError("name apartments, or --building NAME")
    if file.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError("the sheet is written to a file .html")
    with _new(file) as out, cli.edit() as edit:
        from edge.store.snapshot import load_snapshot

        snapshot = load_snapshot(edit.connection)
        homes = _meant(edit, snapshot, apartments, building)
        sheets = [_sheet(cli, edit, snapshot, home, pin) for home in homes]
        out.write(page(sheets))
    cli.done(
        f"{len(sheets)} sheet(s) in {file}; print it, then remove it",
        {"file": str(file), "apartments": [each.apartment for each in sheets]},
    )


@contextlib.contextmanager
def _new(file: Path) -> Iterator[TextIO]:
    """*file*, which must not be there yet: another one's secrets may be. It is gone again where no sheet was made."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise click.UsageError(f"{file} is there already") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _meant(edit: Edit, snapshot: Snapshot, named: Sequence[str], building: str | None) -> list[Apartment]:
    if building is None:
        return [snapshot.apartments[ApartmentId(find_apartment(edit, typed).id)] for typed in named]
    identity = find_building(edit, building).id
    return sorted((a for a in snapshot.apartments.values() if a.building == identity), key=lambda home: home.number)


def _sheet(cli: Cli, edit: Edit, snapshot: Snapshot, home: Apartment, pin: bool) -> Sheet:
    name = f"{snapshot.buildings[home.building].name}/{home.number}"
    settings = cli.site.config.app
    return Sheet(
        snapshot.community.name,
        name,
        _doors(snapshot, home),
        _invited(edit, snapshot, home, settings.public_url, settings.invite_hours) if settings.public_url else (),
        settings.invite_hours,
        _pin(edit, snapshot, home, name) if pin else "",
    )


def _invited(edit: Edit, snapshot: Snapshot, home: Apartment, url: str, hours: float) -> list[Invited]:
    from edge.portal import sessions

    residents = snapshot.residents_of.get(home.id, ())
    return [Invited(r.name, f"{url.rstrip('/')}/app/#invite={sessions.invite(edit, r.id, hours)}") for r in residents]


def _pin(edit: Edit, snapshot: Snapshot, home: Apartment, name: str) -> str:
    value = credentials.add(edit, NewCredential(CredentialKind.PIN, name)).generated or ""
    return f"{home.number}#{value}" if snapshot.community.pin_mode is PinMode.APT_PIN else value


def _doors(snapshot: Snapshot, home: Apartment) -> list[SheetDoor]:
    doors = (d for d in snapshot.devices.values() if d.type.is_door and d.enabled and d.serves(home.id, home.building))
    return [
        SheetDoor(
            door.name,
            [
                (relay.dtmf, relay.name or f"relay {relay.number}")
                for relay in door.relays
                if relay.enabled and relay.dtmf and UnlockMethod.DTMF in relay.methods
            ],
        )
        for door in sorted(doors, key=lambda each: each.name)
    ]
