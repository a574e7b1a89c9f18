"""`edge pass`."""

import time
from pathlib import Path
from typing import Any

import click

from edge.admin import passes
from edge.admin.passes import NewPass
from edge.commands.base import Cli, group, one_of, pass_cli
from edge.commands.times import moment
from models.access import CredentialKind, Origin, Purpose

command = group("pass", "Visitors' passes and delivery codes.")


@command.command()
@click.option("--apartment", required=True, metavar="BUILDING/NUMBER")
@click.option("--name", required=True, help="Of the visitor, or what is delivered.")
@click.option("--from", "from_", metavar="T", help="A day or a moment.  [default: now]")
@click.option("--until", required=True, metavar="T", help="A day, through which, or a moment; a year at most.")
@click.option("--uses", type=int, metavar="N", help="How often it opens.  [default: a delivery once, a visit always]")
@click.option("--schedule", metavar="NAME", help="Hours of the week, for somebody who comes again and again.")
@click.option("--doors", default="", metavar="MAC,…", help="Only these doors, group:NAME for a group.")
@click.option("--delivery", is_flag=True, help="For a delivery: a PIN to key in, two weeks at most.")
@click.option("--pin", is_flag=True, help="A PIN to key in instead of a QR code.")
@click.option("--by", type=one_of(Origin), default=Origin.INSTALLER.value, show_default=True, help="Who issues it.")
@click.option(
    "--qr", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the code: .svg, .png."
)
@pass_cli
def add(cli: Cli, qr: Path | None, **options: Any) -> None:
    """Issue a pass. Prints its id, its code and what to send, once."""
    from edge.commands import qr as codes

    codes.check_file(qr)
    if qr is not None and (options["pin"] or options["delivery"]):
        raise click.UsageError("a PIN has no QR code")
    public_url = cli.site.config.app.public_url
    with cli.edit(options["by"]) as edit:
        new = _new(options, edit.community.time_zone)
        issued = passes.add(edit, new, public_url=public_url)
        if qr is not None:
            codes.write(issued.value, qr)  # in the transaction: without its file there is no pass
    data = {"id": issued.id, "value": issued.value, "text": issued.text}
    shown = [codes.terminal(issued.value)] if new.kind is CredentialKind.QR and not cli.as_json else []
    cli.done("\n".join([*data.values(), *shown]), data)


def _new(options: dict[str, Any], time_zone: str) -> NewPass:
    keyed = options["pin"] or options["delivery"]
    return NewPass(
        options["apartment"],
        options["name"],
        moment("--until", options["until"], time_zone, end=True),
        moment("--from", options["from_"], time_zone),
        options["uses"],
        options["schedule"],
        [door.strip() for door in options["doors"].split(",") if door.strip()],
        CredentialKind.PIN if keyed else CredentialKind.QR,
        Purpose.DELIVERY if options["delivery"] else Purpose.VISIT,
        Origin(options["by"]),
    )


@command.command("list")
@click.option("--apartment", metavar="BUILDING/NUMBER")
@pass_cli
def list_(cli: Cli, apartment: str | None) -> None:
    """All passes, or those of one apartment; never a code."""
    with cli.reading() as scope:
        rows = passes.listed(scope, time.time_ns() // 1_000_000, apartment)
    columns = ("id", "name", "purpose", "kind", "apartment", "from", "until", "schedule", "uses_left", "state")
    cli.rows(rows, {name.replace("_", " "): name for name in columns})


@command.command()
@click.argument("identity", metavar="ID")
@pass_cli
def revoke(cli: Cli, identity: str) -> None:
    """End a pass: dead at every door within a second."""
    with cli.edit() as edit:
        passes.revoke(edit, identity)
    cli.done(f"pass {identity} revoked")
