"""`edge camera`."""

import click

from edge.admin import cameras
from edge.commands.base import Cli, from_stdin, group, pass_cli

command = group("camera", "Third-party cameras, shown beside a door phone's own picture.")


@command.command()
@click.argument("name")
@click.option("--rtsp", required=True, metavar="URL", help="rtsp://host:port/path, without user and password.")
@click.option("--user", default="")
@click.option("--password", default="", help="- reads it from standard input.")
@click.option("--device", metavar="MAC", help="The door phone beside which it is shown.")
@pass_cli
def add(cli: Cli, name: str, rtsp: str, user: str, password: str, device: str | None) -> None:
    """Add a camera."""
    with cli.edit() as edit:
        identity = cameras.add(edit, name, rtsp, user=user, password=from_stdin(password) or "", device_typed=device)
    cli.done(f"camera {name} added", {"id": identity})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """All cameras."""
    with cli.reading() as scope:
        rows = cameras.listed(scope)
    cli.rows(rows, {"name": "name", "address": "rtsp", "user": "user", "device": "device"})


@command.command()
@click.argument("name")
@pass_cli
def remove(cli: Cli, name: str) -> None:
    """Remove a camera."""
    with cli.edit() as edit:
        cameras.remove(edit, name)
    cli.done(f"camera {name} removed")
