"""`edge sync`."""

from collections.abc import Mapping
from typing import Any

import click

from edge.commands.base import FAILED, Cli, group, pass_cli, yes_option

command = group("sync", "The central store: how far it is followed, what differs.")


@command.command()
@pass_cli
def status(cli: Cli) -> None:
    """To which central store this edge belongs, how far it has followed it, and what is wrong."""
    from edge.commands.daemon import ask_if_running

    told = ask_if_running(cli.site_folder, "/sync/status")
    cli.thing(_stored(cli) if told is None else told)


def _stored(cli: Cli) -> Mapping[str, Any]:
    from edge.cloud import enrolment
    from edge.cloud.status import told

    with cli.reading() as scope:
        return told(scope.connection, enrolment.load(scope.connection, cli.site.secrets.vault))


@command.command()
@pass_cli
def pull(cli: Cli) -> None:
    """Follow the central store up to now. Exit code 1 where it can't be reached or its change is refused."""
    from edge.commands.daemon import NoDaemon, ask

    try:
        status, told = ask(cli.site_folder, "/sync/pull", {}, within_s=150.0)
    except NoDaemon:
        from edge.commands.sync_alone import pull_alone

        status, told = pull_alone(cli)
    if status != 200 or not told.get("ok"):
        cli.note(f"edge: {told.get('error', 'the central store was not followed')}")
        if cli.as_json:
            cli.thing(told)
        raise click.exceptions.Exit(FAILED)
    cli.done(f"at revision {told['applied']} of epoch {told['epoch']}", told)


@command.command()
@pass_cli
def compare(cli: Cli) -> None:
    """What the central store has and this edge has not, and the other way round. Changes nothing.

    Exit code 0 where nothing differs, 1 where something does.
    """
    from edge.commands.sync_alone import compare_alone

    rows = compare_alone(cli)
    cli.rows(rows, {"kind": "kind", "id": "id", "state": "state", "fields": "fields"})
    if any(row["state"] != "own" for row in rows):
        raise click.exceptions.Exit(FAILED)


@command.command()
@yes_option
@pass_cli
def leave(cli: Cli, yes: bool) -> None:
    """Belong to no central store any more; what it gave stays, and can be changed here."""
    from edge.cloud.enrol import leave as leave_central

    cli.confirm("Leave the central store? Events that it has not fetched stay in the log here.", yes)
    leave_central(cli.site.admin("installer"))
    cli.done("this edge is its own central store now")
