"""Unix sockets in folders of any depth: the kernel takes at most 107 bytes of path."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_LONGEST_PATH_BYTES = 107


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of *path* that fits into a socket address, valid inside the block: through its folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
