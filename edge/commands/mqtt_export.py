"""`edge mqtt export`."""

from pathlib import Path

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli


@click.command("export", cls=EdgeCommand)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@pass_cli
def export(cli: Cli, folder: Path) -> None:
    """Write into DIR the logins and rights that an external broker needs: mosquitto's password file and ACL, and the
    file of its dynamic-security plugin. They hold password hashes; write them anew after each change of devices.
    """
    from edge.admin.broker_files import write

    files = write(cli.site, folder)
    cli.done("\n".join(f"{file} written" for file in files), {"files": [str(file) for file in files]})
