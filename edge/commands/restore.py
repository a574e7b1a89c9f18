"""`edge restore`."""

from pathlib import Path

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli
from edge.commands.passphrases import passphrase_file, read_passphrase


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@passphrase_file
@click.option("--yes", is_flag=True, help="Replace a site that is there without asking.")
@pass_cli
def command(cli: Cli, file: Path, passphrase_file: Path | None, yes: bool) -> None:
    """Make the site what FILE says; the daemon must be stopped.

    What was there is kept beside it, named .before-restore-... What was logged since the backup is in there only.
    """
    from edge.admin.backup import restore
    from edge.admin.edit import Refused
    from edge.commands.daemon import NoDaemon, ask
    from models.times import rfc3339

    folder = (cli.folder or Path.cwd()).absolute()
    try:
        ask(folder, "/status")
    except NoDaemon:
        pass  # as it must be
    else:
        raise Refused("the daemon of this site runs: stop it, then restore")
    if (folder / "edge.toml").exists():
        cli.confirm(f"Replace the site in {folder}?", yes)
    done = restore(folder, file, read_passphrase(passphrase_file))
    cli.done(
        f"{folder} is as it was at {rfc3339(done.at_ms)}; `edge serve` starts it",
        {"site": str(folder), "at": rfc3339(done.at_ms), "secrets": done.with_secrets},
    )
