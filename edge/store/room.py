"""Room on the disk: a reserve that is given up when it is full, and what goes first then.

SQLite needs room even to delete: the change goes into the -wal file first. So a file beside the database holds some,
and its place is taken when nothing else is left.
"""

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from edge.store import journal
from models.log import LogKind

RESERVE_BYTES: Final = 8 * 1024 * 1024  # the -wal file grows to 4 MiB before it is written back
LEAST_IMPORTANT_FIRST: Final = (LogKind.DEVICE, LogKind.RING, LogKind.CALL, LogKind.ACCESS, LogKind.ALARM)
"""In which order kinds of rows make room. What people did to the system (audit) stays."""


class Reserve:
    """The file that holds room. Blocks while the disk is written: call it in a thread."""

    def __init__(self, database: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self.path = database.with_name(database.name + ".reserve")
        self._size_bytes = size_bytes

    @property
    def held(self) -> bool:
        try:
            return self.path.stat().st_size == self._size_bytes
        except FileNotFoundError:
            return False

    def hold(self) -> bool:
        """Take the room, if the disk has twice as much; whether it is held. Raises OSError."""
        if self.held:
            return True
        if free_bytes(self.path.parent) < 2 * self._size_bytes:
            return False
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        except OSError:
            self.give_up()
            raise
        finally:
            os.close(descriptor)
        return True

    def give_up(self) -> bool:
        """Free the room; whether there was any."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True


def free_bytes(folder: Path) -> int:
    """What is left on the disk of *folder* for whoever runs this."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def make_room(connection: Connection, max_rows: int) -> Mapping[LogKind, int]:
    """Take out at most *max_rows* of the oldest rows, the least important kind first; how many of each went."""
    gone: dict[LogKind, int] = {}
    for kind in LEAST_IMPORTANT_FIRST:
        left = max_rows - sum(gone.values())
        if not left:
            break
        erased = journal.erase_oldest(connection, kind, max_rows=left)
        if erased:
            gone[kind] = erased
    return gone


def write_back(database: Path) -> None:
    """Write the -wal file back into the database and cut it, as far as readers allow. Nothing where that fails."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database, timeout=1.0)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
