"""`edge firmware` and `edge device upgrade`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from edge.admin import firmware
from edge.admin.firmware import Terms
from edge.commands.base import Cli, EdgeGroup, group, pass_cli
from edge.commands.devices import chosen, targets
from edge.commands.progress import bytes_copied
from edge.commands.times import moment

command = group("firmware", "Versions of devices' firmware, and jobs that bring devices to one.")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--model", required=True, help="The model that it is for, as devices name themselves.")
@click.option("--version", required=True, help="The version that a device tells once it runs it.")
@click.option("--log", default="", help="What is new in it.")
@pass_cli
def add(cli: Cli, file: Path, model: str, version: str, log: str) -> None:
    """Take FILE into the library."""
    with bytes_copied(file) as progress:
        stored = firmware.store_file(cli.site_folder, file, progress)
    with cli.edit() as edit:
        identity = firmware.add(edit, stored, model=model, version=version, log=log)
    cli.done(f"firmware {model}/{version} added", {"id": identity, "sha256": stored.sha256})


@command.command("list")
@pass_cli
def list_(cli: Cli) -> None:
    """The library."""
    with cli.reading() as scope:
        rows = firmware.listed(scope)
    columns = {"model": "model", "version": "version", "bytes": "size_bytes", "uploaded": "uploaded_at", "log": "log"}
    cli.rows(rows, columns)


@command.command()
@click.argument("version", metavar="MODEL/VERSION")
@pass_cli
def remove(cli: Cli, version: str) -> None:
    """Take a version, and the jobs that are over, out of the library."""
    with cli.edit() as edit:
        unused = firmware.remove(edit, version)
    if unused is not None:
        (cli.site_folder / firmware.FOLDER / unused).unlink(missing_ok=True)
    cli.done(f"firmware {version} removed")


@command.command()
@click.argument("version", metavar="MODEL/VERSION")
@targets
@click.option("--at", metavar="T", help="When it begins; otherwise at once.")
@click.option("--until", metavar="T", help="When it is over; otherwise a day later.")
@click.option("--reset-after", is_flag=True, help="Bring each device to its factory state after it.")
@click.option(
    "--at-once", type=click.IntRange(1, 100), default=5, show_default=True, help="Devices under way together."
)
@click.option("--stop-after", type=click.IntRange(1, 10_000), default=3, show_default=True, help="Failures.")
@pass_cli
def schedule(
    cli: Cli,
    version: str,
    devices: tuple[str, ...],
    at: str | None,
    until: str | None,
    reset_after: bool,
    at_once: int,
    stop_after: int,
    **where: Any,
) -> None:
    """Bring devices to a version: those that are named, or all of its model in a place. Idle devices only."""
    rows = chosen(cli, devices, **where)
    with cli.edit() as edit:
        zone = edit.community.time_zone
        terms = Terms(moment("--at", at, zone), moment("--until", until, zone), reset_after, at_once, stop_after)
        macs = [row["mac"] for row in rows] if devices else _of_model(cli, version, rows)
        identity = firmware.schedule(edit, version, macs, terms)
    cli.done(f"job {identity} brings {len(macs)} device(s) to {version}", {"id": identity, "devices": len(macs)})


def _of_model(cli: Cli, version: str, rows: Sequence[Any]) -> list[str]:
    with cli.reading() as scope:
        model, models = firmware.model_of(scope, version), firmware.models_of(scope)
    return [row["mac"] for row in rows if models.get(row["mac"]) == model]


@command.command()
@click.argument("job", required=False)
@pass_cli
def jobs(cli: Cli, job: str | None) -> None:
    """All jobs, or the devices of one."""
    with cli.reading() as scope:
        rows = firmware.jobs(scope, job)
    if job is None:
        columns: dict[str, str | Callable[[Any], str]] = {
            "job": "id",
            "model": "model",
            "version": "version",
            "state": "state",
            "at": "at",
            "devices": _counted,
        }
        cli.rows(rows, columns)
    elif cli.as_json:
        cli.thing(rows[0])
    else:
        cli.rows(
            rows[0]["devices"], {"mac": "mac", "name": "name", "state": "state", "done": "done_at", "why": "error"}
        )


def _counted(row: Any) -> str:
    done = sum(device["state"] == "done" for device in row["devices"])
    failed = sum(device["state"] == "failed" for device in row["devices"])
    return f"{done} of {len(row['devices'])}" + (f", {failed} failed" if failed else "")


@command.command()
@click.argument("job")
@pass_cli
def cancel(cli: Cli, job: str) -> None:
    """End a job. A device that has the order already carries it out."""
    with cli.edit() as edit:
        firmware.cancel(edit, job)
    cli.done(f"job {job} is cancelled")


@click.command(cls=EdgeGroup.command_class)
@click.argument("device", metavar="MAC")
@click.option("--version", required=True, metavar="MODEL/VERSION", help="Of the library.")
@click.option("--reset-after", is_flag=True, help="Bring it to its factory state after it.")
@pass_cli
def upgrade(cli: Cli, device: str, version: str, reset_after: bool) -> None:
    """Bring one device to a version of the library as soon as it is idle: a job of its own."""
    with cli.edit() as edit:
        identity = firmware.schedule(edit, version, [device], Terms(reset_after=reset_after))
    cli.done(f"job {identity} brings {device} to {version}", {"id": identity, "devices": 1})
