"""`edge call test`: a real call, placed with a door's login, to see whether one gets through."""

import asyncio
from typing import Any

import click
from sqlalchemy import select

from edge.admin.edit import NotFound, Reading
from edge.admin.find import find_apartment, find_device
from edge.commands.base import FAILED, REFUSED, Cli, EdgeCommand, pass_cli
from edge.store.tables import device, device_building
from models.device import DeviceType, Place

_DOORS = tuple(kind for kind in DeviceType if kind.is_door)
_REFUSALS = (403, 404)


@click.command("test", cls=EdgeCommand)
@click.argument("apartment", metavar="BUILDING/NUMBER")
@click.option("--door", metavar="DOOR", help="Call as this door.  [default: one that serves the apartment]")
@click.option("--ring-s", type=click.FloatRange(1, 300), default=60.0, show_default=True, help="Ring at most so long.")
@click.option("--talk-s", type=click.FloatRange(0, 60), default=3.0, show_default=True, help="Hang up after so long.")
@pass_cli
def command(cli: Cli, apartment: str, door: str | None, ring_s: float, talk_s: float) -> None:
    """Place a real call to an apartment, as a visitor would. Exit code 0 if it rang or was answered."""
    from edge.commands.daemon import ask_if_running
    from edge.phone.events import NotSeen
    from edge.phone.trial import place_call
    from edge.store.accounts import device_sip_password

    running = ask_if_running(cli.site_folder, "/status")
    if running is None:
        raise OSError("no daemon serves this site: nobody could answer")
    with cli.reading() as scope:
        home = find_apartment(scope, apartment)
        caller = _serving(scope, home) if door is None else find_device(scope, door)
        password = device_sip_password(scope.connection, cli.site.secrets.vault, caller.id) or ""
    server, dialled = str(running["sip"]["udp"][0]), f"{home.building}*{home.number}".replace("#", "%23")
    cli.note(f"edge: {caller.name} calls {home.building}/{home.number} …")
    try:
        trial = asyncio.run(place_call(server, caller.sip_user, password, dialled, ring_s=ring_s, talk_s=talk_s))
    except NotSeen as error:
        raise OSError(f"the call did not get anywhere: {error}") from error
    rang = trial.rang_after_s is not None or trial.answered_after_s is not None
    cli.thing(
        {
            "door": caller.name, "apartment": f"{home.building}/{home.number}", "ok": rang, "status": trial.status,
            "rang_after_s": trial.rang_after_s, "answered_after_s": trial.answered_after_s,
            "heard_packets": trial.heard_packets, "sent_packets": trial.sent_packets,
        }
    )  # fmt: skip
    raise click.exceptions.Exit(0 if rang else REFUSED if trial.status in _REFUSALS else FAILED)


def _serving(scope: Reading, home: Any) -> Any:
    """A door in use that serves the apartment, its own one first. Raises NotFound."""
    served = select(device_building.c.device_id).where(device_building.c.building_id == home.building_id)
    public = (device.c.place != Place.APARTMENT) & (device.c.all_buildings | device.c.id.in_(served))
    query = select(device).where(
        device.c.community_id == scope.community_id,
        device.c.enabled,
        device.c.type.in_(_DOORS),
        (device.c.apartment_id == home.id) | public,
    )
    row = scope.connection.execute(query.order_by(device.c.apartment_id.is_(None), device.c.mac)).first()
    if row is None:
        raise NotFound(f"no door in use serves {home.building}/{home.number}")
    return row
