"""`edge device push`, `unknown` and `web-login`: devices that are spoken to over their vendor's HTTP."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import click

from edge.commands.base import FAILED, Cli, EdgeGroup, pass_cli
from provisioning.registry import DRIVERS

_WITHIN_S: Final = 180.0  # a device that starts again says nothing for two minutes
_COLUMNS: Final = {"section": "section", "item": "item", "state": "state", "has": "has", "wants": "wants"}
_STRANGERS: Final = ("unknown_panel", "fetch_refused")


def add_to(group: EdgeGroup) -> None:
    """Make these commands of *group*."""
    for command in (push, unknown, web_login):
        group.add_command(command)


@click.command(cls=EdgeGroup.command_class)
@click.argument("device", metavar="MAC")
@click.option("--dry-run", is_flag=True, help="Only read and compare.")
@click.option("--address", default="", metavar="URL", help="Where it is, http://host:port; kept.")
@click.option(
    "--driver",
    type=click.Choice(sorted(name for name, driver in DRIVERS.items() if driver.api is not None)),
    help="Its family, where neither its model nor its MAC tells.",
)
@pass_cli
def push(cli: Cli, device: str, dry_run: bool, address: str, driver: str | None) -> None:
    """Tell a device over HTTP what it should have, and read it back. Exit code 1 where it has not all of it.

    Ctrl-C stops only this command: the daemon goes on until the device has what it should.
    """
    from edge.admin.find import find_device
    from edge.commands.daemon import NoDaemon, posting

    with cli.reading() as scope:
        mac = find_device(scope, device).mac
    body = {"address": address, "driver": driver or "", "dry_run": dry_run, "actor": "installer"}
    try:
        with posting(cli.site_folder, f"/devices/{mac}/push", body, _WITHIN_S) as (status, lines):
            if status != 200:
                raise OSError(json.loads("".join(lines))["error"])
            last = _watched(lines)
    except NoDaemon as error:
        raise OSError(f"{error}: devices are pushed by the running daemon") from error
    _show(cli, last["report"], dry_run)
    raise click.exceptions.Exit(0 if last["ok"] else FAILED)


def _watched(lines: Iterator[str]) -> Mapping[str, Any]:
    """The last step; the others make a bar, where a person looks."""
    from rich.console import Console
    from rich.progress import Progress

    last: dict[str, Any] = {}
    shown = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("asking the device", total=None)
        for line in lines:
            last = json.loads(line)
            if "what" in last:
                bar.update(task, description=last["what"], completed=last["done"], total=last["of"] or None)
    if "report" not in last:
        raise OSError("the daemon ended before the push did; it goes on after its next start")
    return last


def _show(cli: Cli, report: Mapping[str, Any], dry_run: bool) -> None:
    if cli.as_json:
        cli.thing(report)
        return
    cli.rows(report["items"], _COLUMNS)
    left = report["credentials"]
    said = [f"{report['model']} {report['firmware']}".strip() or "the device does not say what it is"]
    said.append(f"{report['same']} settings are as they should be, {len(report['items'])} are listed")
    if left["to_remove"] or left["to_put"]:
        said.append(f"{left['to_remove']} credentials to be forgotten, {left['to_put']} to be told")
    if report["error"]:
        said.append(f"it ended early: {report['error']}")
    elif dry_run:
        said.append("nothing was written")
    cli.note("edge: " + "; ".join(said))


@click.command(cls=EdgeGroup.command_class)
@pass_cli
def unknown(cli: Cli) -> None:
    """Who reported or asked for files and was not believed, the latest of each; from the log."""
    from edge.store import journal
    from edge.store.journal import LogFilter
    from models.log import LogKind

    found: dict[tuple[str, str], dict[str, Any]] = {}
    with cli.reading() as scope:
        for row in journal.rows(scope.connection, LogFilter(kind=LogKind.DEVICE)):
            detail = row["detail"]
            if detail.get("type") in _STRANGERS:
                key = (detail.get("address", ""), detail.get("mac", ""))
                times = found.get(key, {"times": 0})["times"] + 1
                found[key] = {
                    "address": key[0], "mac": key[1], "at": row["at"], "times": times, "why": detail.get("why", ""),
                }  # fmt: skip
    columns: Mapping[str, str | Callable[[Any], str]] = {
        "address": "address",
        "mac": lambda row: row["mac"].upper(),
        "last": "at",
        "times": "times",
        "why": "why",
    }
    cli.rows(sorted(found.values(), key=lambda row: row["at"], reverse=True), columns)


@click.command("web-login", cls=EdgeGroup.command_class)
@click.argument("device", metavar="MAC")
@pass_cli
def web_login(cli: Cli, device: str) -> None:
    """The login of a device's own web page and HTTP API: told to it, or to be typed in where it can't be told."""
    from edge.admin.find import find_device
    from edge.fleet.push_panels import ADMIN
    from edge.store.accounts import device_mqtt_password
    from provisioning.desired import admin_password

    with cli.reading() as scope:
        row = find_device(scope, device)
        own = device_mqtt_password(scope.connection, cli.site.secrets.vault, row.id)
    if own is None:
        raise click.ClickException(f"there is no login of {device}")
    cli.thing({"mac": row.mac, "user": ADMIN, "password": admin_password(own)})
