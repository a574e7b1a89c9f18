"""`edge status`."""

from typing import Any

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli


@click.command(cls=EdgeCommand)
@pass_cli
def command(cli: Cli) -> None:
    """What runs, and since when."""
    from edge.commands.daemon import ask_if_running

    running = ask_if_running(cli.site_folder, "/status")
    if running is None:
        cli.note("edge: no daemon serves this site; `edge serve` starts one")
        running = _stored(cli)
    cli.thing(running)


def _stored(cli: Cli) -> dict[str, Any]:
    """The same shape without what only a daemon knows."""
    from edge.store.changes import current_revision

    with cli.reading() as scope:
        community = scope.community
        return {
            "community": community.id,
            "name": community.name,
            "time_zone": community.time_zone,
            "plan": community.plan.value,
            "pin_mode": community.pin_mode.value,
            "revision": current_revision(scope.connection),
            "sip": None,
            "mqtt": None,
            "http": None,
            "daemon": None,
        }
