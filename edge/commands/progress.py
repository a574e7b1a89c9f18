"""A bar for long work, where a person looks at it."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")
_FEW: Final = 3


def counted(things: Sequence[T], what: str) -> Iterator[T]:
    """*things*, one by one, with a bar on standard error while it is a terminal and they are more than a few."""
    if len(things) <= _FEW or not sys.stderr.isatty():
        yield from things
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(things, what, console=Console(stderr=True), transient=True)


@contextlib.contextmanager
def bytes_copied(file: Path) -> Iterator[Callable[[int], None] | None]:
    """To be told how many bytes of *file* are copied; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("copied", total=file.stat().st_size)
        yield lambda size: bar.update(task, completed=size)
