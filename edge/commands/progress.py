"""A bar for long work, where a person looks at it."""

import sys
from collections.abc import Iterator, Sequence
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
