"""A consistent copy of the database while it is in use."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from edge.store.engine import Store
from edge.store.errors import StoreDamaged, StoreUnavailable


def copy_to(store: Store, target: Path) -> None:
    """Write the state of *store* as of now to the new file *target* (0600), sound and in one piece.

    Writers and readers go on meanwhile: the copy reads one snapshot of the write-ahead log. Blocks. Raises
    StoreUnavailable for a server's database (``pg_dump`` copies that), StoreDamaged where the copy is not whole.
    """
    if store.path is None:
        raise StoreUnavailable("the database is on a server: back it up there, with pg_dump")
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(target)) as copy:
            source.execute("PRAGMA query_only=ON")
            source.backup(copy)  # in one step, or each commit meanwhile would begin it anew
            copy.execute("PRAGMA journal_mode=DELETE")  # all in one file
            found = str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{store.path} can't be copied: {error}") from error
    if found != "ok":
        raise StoreDamaged(f"the copy is damaged: {found}")
