"""`edge device`."""

from collections.abc import Callable
from typing import Any, Final

import click

from edge.admin import device_list, devices
from edge.admin.devices import Placing
from edge.admin.find import find_device
from edge.commands import device_push, device_web, maintenance
from edge.commands.base import Cli, group, on_or_off, one_of, pass_cli, yes_no
from models.device import ContactDisplay, DeviceType, DigestOffer, Place
from models.tables.device import ConnectionType

command = group("device", "Door phones, monitors, guard phones, readers.")
maintenance.add_to(command)
command.add_command(device_web.web)
device_push.add_to(command)

_type = click.Choice([str(int(kind)) for kind in DeviceType])
_TYPES = "0 door phone, 1 door phone of one apartment, 2 indoor monitor, 3 guard phone, 50 access control."

_ENUMS: Final = {"digest": DigestOffer, "contact_display": ContactDisplay, "connection": ConnectionType}


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of add and set."""
    options = (
        click.option("--place", type=one_of(Place), help="Where it stands."),
        click.option("--buildings", metavar="all|A,B", help="Whom a public device serves: all, or these buildings."),
        click.option("--apartment", metavar="BUILDING/NUMBER", help="Of a device in an apartment."),
        click.option("--network-group", metavar="G", help="Devices of one group exchange media directly."),
        click.option("--contact-display", type=one_of(ContactDisplay), help="Whom a door phone lists."),
        click.option("--connection", type=one_of(ConnectionType), help="The SIP transport it is provisioned with."),
        click.option("--digest", type=one_of(DigestOffer), help="Which SIP challenges it is offered."),
        click.option("--has-internet", type=yes_no),
        click.option("--works-offline", type=yes_no, help="The apartment's one monitor that forwards to the app."),
        click.option("--arming", type=yes_no, help="An indoor monitor with an alarm that residents switch."),
        click.option("--static-address", metavar="ADDRESS"),
        click.option("--schedule", metavar="NAME", help='When it opens at all; "" = always.'),
        click.option("--open-schedule", metavar="NAME", help='When the panel holds the door open; "" = never.'),
        click.option("--interlock", metavar="G", help="While one door of a name stands open, the others stay shut."),
        click.option("--fire-group", metavar="G", help="A fire signal opens every door of its group."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command()
@click.argument("mac")
@click.option("--name", required=True)
@click.option("--type", "kind", type=_type, required=True, help=_TYPES)
@_options
@pass_cli
def add(cli: Cli, mac: str, kind: str, **options: Any) -> None:
    """Add the device MAC, which must be in the MAC library."""
    placing = _placing(options) or Placing()
    with cli.edit() as edit:
        identity = devices.add(edit, mac, type=DeviceType(int(kind)), placing=placing, **_columns(options))
    cli.done(f"device {options['name']} added", {"id": identity, "mac": mac.replace(":", "").replace("-", "").lower()})


@command.command("set")
@click.argument("device", metavar="MAC")
@click.option("--name")
@click.option("--enabled", type=yes_no)
@_options
@pass_cli
def set_(cli: Cli, device: str, **options: Any) -> None:
    """Change a device, named by MAC or name."""
    placing = _placing(options)
    with cli.edit() as edit:
        devices.set_device(edit, device, placing=placing, **_columns(options))
    cli.done(f"device {device} changed")


def _placing(options: dict[str, Any]) -> Placing | None:
    """What was said of the place, taken out of *options*; None where nothing was."""
    place, buildings, apartment = options.pop("place"), options.pop("buildings"), options.pop("apartment")
    if place is None and buildings is None and apartment is None:
        return None
    served = None
    if buildings is not None:
        served = () if buildings.strip().lower() == "all" else tuple(name.strip() for name in buildings.split(","))
    return Placing(None if place is None else Place(place), served, apartment)


def _columns(options: dict[str, Any]) -> dict[str, Any]:
    found = dict(options)
    for name in ("enabled", "has_internet", "works_offline", "arming"):
        if name in found:
            found[name] = on_or_off(found[name])
    for name, kind in _ENUMS.items():
        if found.get(name) is not None:
            found[name] = kind(found[name])
    return found


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All devices: what is stored, and what the running daemon sees of them."""
    from edge.commands.daemon import ask_if_running

    live = ask_if_running(cli.site_folder, "/devices/live")
    with cli.reading() as scope:
        rows = device_list.listed(scope, live)
    if live is None:
        cli.note("edge: no daemon serves this site, so every device is shown as offline")
    columns: dict[str, str | Callable[[Any], str]] = {
        "mac": lambda row: row["mac"].upper(),
        "name": "name",
        "type": lambda row: DeviceType(row["type"]).name.lower().replace("_", " "),
        "place": lambda row: row["apartment"] or row["buildings"],
        "sip": lambda row: _since(row["sip"], "contact"),
        "mqtt": lambda row: _since(row["mqtt"], "since"),
        "revision": lambda row: _revision(row["revision"], row["keeps_up"]),
        "clock": lambda row: _offset(row["clock"]["offset_s"]),
        "firmware": lambda row: " ".join(filter(None, (row["model"], row["firmware"]))),
        "enabled": "enabled",
    }
    cli.rows(rows, columns)


def _revision(revision: dict[str, Any], keeps_up: dict[str, Any]) -> str:
    if keeps_up["behind_since"] is None:
        return str(revision["wanted"] or "")
    deletes = f", {keeps_up['pending_deletes']} to forget" if keeps_up["pending_deletes"] else ""
    return f"{revision['confirmed'] or 'none'} of {revision['wanted']} since {keeps_up['behind_since']}{deletes}"


def _offset(offset_s: float | None) -> str:
    """Seconds that a clock is off, where it matters."""
    return f"{offset_s:+.0f} s" if offset_s is not None and abs(offset_s) >= 1 else ""


def _since(state: dict[str, Any], detail: str) -> str:
    return f"online {state[detail] or ''}".strip() if state["online"] else "offline"


@command.command()
@click.argument("device", metavar="MAC")
@pass_cli
def show(cli: Cli, device: str) -> None:
    """One device, named by MAC or name."""
    from edge.commands.daemon import ask_if_running

    live = ask_if_running(cli.site_folder, "/devices/live")
    with cli.reading() as scope:
        (row,) = device_list.listed(scope, live, only=device)
    cli.thing(row)


@command.command()
@click.argument("device", metavar="MAC")
@pass_cli
def remove(cli: Cli, device: str) -> None:
    """Remove a device and its logins; its MAC stays in the library."""
    with cli.edit() as edit:
        devices.remove(edit, device)
    cli.done(f"device {device} removed")


@command.command()
@click.argument("device", metavar="MAC")
@click.argument("other", metavar="NEW_MAC")
@pass_cli
def replace(cli: Cli, device: str, other: str) -> None:
    """NEW_MAC takes the place of a broken device: name, relays, numbers and rights stay, its logins are new."""
    with cli.edit() as edit:
        mac = devices.replace(edit, device, other)
    cli.done(f"{mac.upper()} is in the place of {device}; its logins: edge device secret {mac}", {"mac": mac})


@command.command()
@click.argument("device", metavar="MAC")
@click.option("--renew", is_flag=True, help="Make new passwords first; the device must be set up anew.")
@pass_cli
def secret(cli: Cli, device: str, renew: bool) -> None:
    """The SIP and MQTT logins of a device."""
    from edge.commands.secrets import mqtt_login, sip_login
    from edge.store.accounts import device_mqtt_password, device_sip_password

    if renew:
        with cli.edit() as edit:
            devices.new_passwords(edit, device)
    with cli.reading() as scope:
        row = find_device(scope, device)
        vault = cli.site.secrets.vault
        sip_password = device_sip_password(scope.connection, vault, row.id)
        mqtt_password = device_mqtt_password(scope.connection, vault, row.id)
    sip = sip_login(cli, row.sip_user, sip_password, scope.community_id)
    mqtt = mqtt_login(cli, row.mac, mqtt_password, scope.community_id)
    cli.thing({"mac": row.mac, "sip": sip, "mqtt": mqtt})
