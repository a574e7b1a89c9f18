"""`edge autop`."""

from dataclasses import asdict
from typing import Any, Final

import click

from edge.commands.base import Cli, group, pass_cli
from provisioning.registry import DRIVERS

command = group("autop", "Devices' own configuration files: what they fetch.")
FORMATS: Final = ("dnsmasq", "isc", "plain")
command.lazy["line"] = ("edge.commands.autop_line", "Lines beside what the edge sets itself, kept.")

_driver = click.option(
    "--driver", type=click.Choice(sorted(DRIVERS)), help="Otherwise that of the model it told, or of its MAC."
)


@command.command()
@click.argument("device", metavar="MAC")
@click.option("--hours", type=click.FloatRange(0, 24 * 31, min_open=True), default=24.0, show_default=True)
@pass_cli
def token(cli: Cli, device: str, hours: float) -> None:
    """A provisioning URL that serves the first address that uses it, once, for 10 minutes from then on."""
    from edge.admin import autop

    with cli.edit() as edit:
        secret = autop.token(edit, device, hours)
    desired, driver = _desired(cli, device, None)
    url = f"{desired.files.url}t/{secret}/"
    files = {name: [url + file.path for file in each.render(desired)] for name, each in DRIVERS.items()}
    own = files.pop(driver)
    others = [address for addresses in files.values() for address in addresses]
    text = [f"provisioning URL: {url}", *own, "as another vendor's device:", *others]
    cli.done("\n".join(text), {"url": url, "driver": driver, "own": own, "others": others, "hours": hours})


@command.command("open")
@click.argument("devices", nargs=-1, required=True, metavar="MAC...")
@click.option("--minutes", type=click.FloatRange(0, 24 * 60, min_open=True), default=30.0, show_default=True)
@pass_cli
def open_(cli: Cli, devices: tuple[str, ...], minutes: float) -> None:
    """Let devices fetch for some minutes without a login, each from the first address that asks for it.

    For devices that learn the URL by DHCP, SIP multicast or mDNS, where no secret can stand. Whoever asks first gets
    the device's passwords: plug it in within these minutes.
    """
    from edge.admin import autop

    with cli.edit() as edit:
        macs = [autop.open_door(edit, device, minutes) for device in devices]
    cli.done(f"{len(macs)} device(s) may fetch within {minutes:g} minutes", {"macs": macs, "minutes": minutes})


@command.command()
@click.option("--for", "form", type=click.Choice(FORMATS), default="dnsmasq", show_default=True)
@pass_cli
def dhcp(cli: Cli, form: str) -> None:
    """What a DHCP server is told, so that devices learn from it where their files are: options 66, 160 and 43."""
    from edge.commands.secrets import http_url
    from edge.fleet.dhcp import options

    url = f"{http_url(cli)}/provision/"
    try:
        text = options(url, form)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    cli.done(text, {"url": url, "for": form, "text": text})


@command.command()
@click.argument("device", metavar="MAC")
@_driver
@click.option("--secrets", is_flag=True, help="With the passwords, as the device gets it.")
@pass_cli
def render(cli: Cli, device: str, driver: str | None, secrets: bool) -> None:
    """The files of a device, as they would be fetched now; passwords are masked."""
    from edge.fleet.rendering import render as rendered
    from edge.fleet.rendering import without_effect

    desired, chosen = _desired(cli, device, driver)
    for key in (idle := without_effect(desired, DRIVERS[chosen])):
        cli.note(f"edge: the kept line {key} has no effect: the edge sets it, or {chosen} can't say it")
    shown = [(file.path, file.body.decode() if secrets else file.shown) for file in rendered(desired, DRIVERS[chosen])]
    data = {"driver": chosen, "files": dict(shown), "without_effect": idle}
    cli.done("\n".join(f"# {path}\n{text}".rstrip() for path, text in shown), data)


@command.command()
@click.argument("device", metavar="MAC")
@_driver
@pass_cli
def diff(cli: Cli, device: str, driver: str | None) -> None:
    """What a device would get that it has not fetched yet."""
    from edge.admin.find import find_device
    from edge.fleet.rendering import compare
    from edge.fleet.rendering import render as rendered
    from edge.store.provisioning import fetched_files

    desired, chosen = _desired(cli, device, driver)
    with cli.reading() as scope:
        had = fetched_files(scope.connection, find_device(scope, device).id)
    found = compare(rendered(desired, DRIVERS[chosen]), had)
    text = [line for each in found for line in (f"{each.path}: {_WORDS[each.state]}", *each.lines)]
    cli.done("\n".join(text), {"driver": chosen, "files": [asdict(each) for each in found]})


_WORDS: Final = {
    "same": "the device has it",
    "changed": "changed since it was fetched",
    "secrets": "only passwords changed since it was fetched",
    "never": "it was never fetched",
}


def _desired(cli: Cli, typed: str, driver: str | None) -> tuple[Any, str]:
    """The desired state of a device, and the name of the driver that is meant."""
    import time

    from edge.admin.find import find_device
    from edge.commands.secrets import http_url, sip_login
    from edge.fleet.desired import load_desired
    from edge.fleet.files import Where
    from edge.fleet.rendering import own_driver
    from edge.store.snapshot import load_snapshot

    host, _, port = str(sip_login(cli, "", None, "")["server"]).rpartition(":")
    where = Where(host.strip("[]"), int(port), f"{http_url(cli)}/provision/")
    with cli.reading() as scope:
        snapshot = load_snapshot(scope.connection)
        device = snapshot.devices[find_device(scope, typed).id]
        now_ms = round(time.time() * 1000)
        desired = load_desired(scope.connection, cli.site.secrets.vault, snapshot, device, where, now_ms)
    if desired is None:
        raise click.ClickException(f"there is no login of {typed}")
    return desired, driver or own_driver(desired).name
