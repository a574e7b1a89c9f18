"""The folder of a central store that a command is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.base import FAILED, REFUSED, Cli

if TYPE_CHECKING:
    from edge.central.opening import Opened


@contextmanager
def open_central(cli: Cli) -> "Iterator[Opened]":
    """The central store of this call; what goes wrong becomes a message and a code."""
    from edge.central.opening import opened
    from edge.central.problems import CentralProblem
    from edge.central.settings import SettingsError

    try:
        with opened(folder_of(cli)) as here:
            yield here
    except CentralProblem as problem:
        cli.note(f"edge: {problem}")
        raise click.exceptions.Exit(REFUSED if problem.status in (403, 409) else FAILED) from problem
    except SettingsError as error:
        cli.note(f"edge: {error}")
        raise click.exceptions.Exit(FAILED) from error


def folder_of(cli: Cli) -> Path:
    if cli.folder is not None:
        return cli.folder
    if (Path.cwd() / "central.toml").is_file():
        return Path.cwd()
    raise click.UsageError("no central store: name its folder by --site DIR or EDGE_SITE, or go there")
