"""`edge backup`."""

from pathlib import Path

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli
from edge.commands.passphrases import passphrase_file, read_passphrase


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@passphrase_file
@pass_cli
def command(cli: Cli, file: Path, passphrase_file: Path | None) -> None:
    """Write the site to FILE: database and edge.toml; with a passphrase the secrets too.

    The daemon may run. Without a passphrase FILE can be restored beside this site's secrets only.
    """
    from edge.admin.backup import back_up
    from models.times import rfc3339

    done = back_up(cli.site, file, read_passphrase(passphrase_file))
    secrets = "with the secrets" if done.with_secrets else "without the secrets: it serves this box only"
    cli.done(
        f"{file} holds the site as of {rfc3339(done.at_ms)}, {secrets}",
        {"file": str(file), "at": rfc3339(done.at_ms), "secrets": done.with_secrets},
    )
