"""`edge serve`."""

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli


@click.command(cls=EdgeCommand)
@pass_cli
def command(cli: Cli) -> None:
    """Run the daemon until SIGTERM. Ready when it prints so, and by sd_notify.

    SIGHUP: edge.toml and the certificate are read again; the log says what of it is in force.
    """
    from edge.app import main

    raise click.exceptions.Exit(main(cli.site_folder, as_json=cli.as_json))
