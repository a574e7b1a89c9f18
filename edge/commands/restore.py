"""`edge restore`."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from edge.commands.base import Cli, EdgeCommand, pass_cli
from edge.commands.passphrases import passphrase_file, read_passphrase

_BACK_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.2


@click.command(cls=EdgeCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@passphrase_file
@click.option("--yes", is_flag=True, help="Replace a site that is there without asking.")
@pass_cli
def command(cli: Cli, file: Path, passphrase_file: Path | None, yes: bool) -> None:
    """Make the site what FILE says. A daemon that runs ends its calls and begins anew.

    What was there is kept beside it, named .before-restore-... What was logged since the backup is in there only.
    """
    from edge.admin.restoring import prepare, put_in_place
    from models.times import rfc3339

    folder = (cli.folder or Path.cwd()).absolute()
    if (folder / "edge.toml").exists():
        cli.confirm(f"Replace the site in {folder}?", yes)
    prepared = prepare(folder, file, read_passphrase(passphrase_file))
    try:
        daemon = _daemon(folder)
        if daemon is None:
            with _alone(folder):
                put_in_place(folder, prepared.folder)
        else:
            _begin_anew(folder, prepared.folder.name, daemon)
    finally:
        shutil.rmtree(prepared.folder, ignore_errors=True)
    done = prepared.backup
    cli.done(
        f"{folder} is as it was at {rfc3339(done.at_ms)}"
        + ("; `edge serve` starts it" if daemon is None else "; the daemon serves it"),
        {"site": str(folder), "at": rfc3339(done.at_ms), "secrets": done.with_secrets, "running": daemon is not None},
    )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No daemon begins meanwhile."""
    from edge.admin.edit import Refused
    from edge.runtime import AlreadyRunning, only_daemon

    try:
        with only_daemon(folder / "run"):
            yield
    except AlreadyRunning as error:
        raise Refused(f"the daemon (process {error}) is just starting or ending: try again") from error


def _daemon(folder: Path) -> Any | None:
    """What the daemon of this site says of itself; None where none runs or one is just beginning or ending."""
    from edge.commands.daemon import NoDaemon, ask

    try:
        return ask(folder, "/status")[1]
    except NoDaemon:
        return None


def _begin_anew(folder: Path, prepared: str, before: Any) -> None:
    """Have the running daemon put in place what is *prepared*; return when it serves that."""
    from edge.admin.edit import Refused
    from edge.commands.daemon import ask

    status, answer = ask(folder, "/restore", {"prepared": prepared})
    if status != 202:
        raise Refused(f"the daemon does not restore: {answer.get('error', answer)}")
    until = time.monotonic() + _BACK_WITHIN_S
    while time.monotonic() < until:
        try:
            now = _daemon(folder)
        except OSError:  # it is just ending
            now = None
        if now is not None and now["daemon"]["since"] != before["daemon"]["since"]:
            if (folder / prepared).exists():
                raise click.ClickException("the daemon could not restore, and serves what was there; see its log")
            return
        time.sleep(_LOOK_EVERY_S)
    raise click.ClickException(f"the daemon is not back after {_BACK_WITHIN_S:.0f} s; see its log")
