"""`edge sip`."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from edge.admin.find import find_apartment, find_device
from edge.commands.base import Cli, group, pass_cli
from edge.core.ladder import printable

command = group("sip", "What telephones and the edge say to each other.")


@command.command()
@click.option("--apartment", metavar="APT", help="Only dialogs of this apartment.")
@click.option("--device", metavar="MAC", help="Only dialogs of this device.")
@click.option("--full", is_flag=True, help="Whole messages, not a line each.")
@pass_cli
def trace(cli: Cli, apartment: str | None, device: str | None, full: bool) -> None:
    """Follow SIP messages as they pass, until Ctrl-C; with --json one object a line. Passwords never show."""
    from edge.commands.daemon import NoDaemon, streaming

    wanted: dict[str, str] = {}
    with cli.reading() as scope:
        if apartment is not None:
            wanted["apartment"] = find_apartment(scope, apartment).id
        if device is not None:
            wanted["mac"] = find_device(scope, device).mac
    try:
        with streaming(cli.site_folder, "/sip/trace", wanted) as lines:
            for line in lines:
                _print(cli, line, full)
    except NoDaemon as error:
        raise click.ClickException(str(error)) from error


def _print(cli: Cli, line: str, full: bool) -> None:
    if not line:
        click.echo("following, Ctrl-C ends", err=True)
    elif cli.as_json:
        click.echo(line)
    else:
        _print_message(json.loads(line), full)
    sys.stdout.flush()


def _print_message(message: Mapping[str, Any], full: bool) -> None:
    if message.get("lost"):
        click.echo(f"({message['lost']} messages passed too fast to be shown)", err=True)
    arrow = "->" if message["sent"] else "<-"
    name = f" ({printable(message['name'])})" if message["name"] else ""
    click.echo(f"{message['at']} {arrow} {message['transport']} {message['peer']}{name}  {message['summary']}")
    if full:
        body = "\n".join(f"    {printable(row)}" for row in message["message"].splitlines())
        click.echo(f"{body}\n")
