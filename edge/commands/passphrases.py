"""A passphrase from a file: never from the command line, where others see it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def passphrase_file(command: _Command) -> _Command:
    """The option --passphrase-file."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
        metavar="FILE",
        help="Its first line seals the secrets; - reads standard input.",
    )(command)


def read_passphrase(file: Path | None) -> str | None:
    """The first line of *file*; None where none was named. Misuse where it is empty."""
    if file is None:
        return None
    with click.open_file(str(file), encoding="utf-8") as text:
        passphrase = str(text.readline()).rstrip("\r\n")
    if not passphrase:
        raise click.BadParameter("the first line is empty", param_hint="--passphrase-file")
    return passphrase
