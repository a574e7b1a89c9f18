"""Whether the database is whole, page by page."""

from typing import Final

from edge.store.engine import Store
from edge.store.errors import StoreDamaged

WHAT_TO_DO: Final = "restore a backup into a fresh site, and look at the disk"


def damage(store: Store) -> str | None:
    """What is wrong with the file, None where it is sound; a server's database is its own care.

    Reads the whole file and blocks: call it in a thread. Raises StoreError where it cannot be asked.
    """
    if store.path is None:
        return None
    try:
        with store.read() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    except StoreDamaged as error:
        return str(error)
    return None if found == "ok" else " ".join(found.split())
