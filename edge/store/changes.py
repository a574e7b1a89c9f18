"""What changed: one number that a running daemon watches, and what stands behind it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from edge.store.engine import Store
from edge.store.errors import StoreEmpty, StoreUnavailable
from edge.store.tables import change, community
from models.ids import CommunityId

CREDENTIAL: Final = "credential"
DOOR_ORDER: Final = "door_order"
KEPT_CHANGES: Final = 10_000
"""Rows of `change` kept; a reader that is further behind reads everything anew."""

_REVISION: Final = select(community.c.revision).order_by(community.c.id).limit(1)
_COMMUNITY: Final = select(community.c.id).order_by(community.c.id).limit(1)


def the_community(connection: Connection) -> CommunityId:
    """The id of an edge's one community. Raises StoreEmpty before it is made."""
    found = connection.execute(_COMMUNITY).scalar()
    if found is None:
        raise StoreEmpty("there is no community in the store; `edge init` makes one")
    return CommunityId(found)


def note_change(connection: Connection, kind: str, identity: str, *, community_id: CommunityId | None = None) -> int:
    """Note that one thing was added, changed or removed, in the transaction that does it. The new revision."""
    return note_changes(connection, [(kind, identity)], community_id=community_id)


def note_changes(
    connection: Connection, things: Iterable[tuple[str, str]], *, community_id: CommunityId | None = None
) -> int:
    """Note several (kind, id) under one new revision, which is returned.

    Kinds are those of sync (decision 49) and any further word: only ``credential`` is treated apart by readers.
    """
    owner = the_community(connection) if community_id is None else community_id
    # The counter row, not a sequence: its lock makes revisions visible in the order of their commits.
    moved = update(community).where(community.c.id == owner).values(revision=community.c.revision + 1)
    revision = int(connection.execute(moved.returning(community.c.revision)).scalar_one())
    rows = [
        {"community_id": owner, "revision": revision, "kind": kind, "id": identity}
        for kind, identity in sorted(set(things))
    ]
    if rows:
        connection.execute(insert(change), rows)
    return revision


def prune_changes(connection: Connection, keep: int = KEPT_CHANGES) -> int:
    """Drop all but the rows of each community's newest *keep* revisions; how many rows went."""
    oldest = select(community.c.revision - keep).where(community.c.id == change.c.community_id).scalar_subquery()
    return connection.execute(delete(change).where(change.c.revision <= oldest)).rowcount


def current_revision(connection: Connection) -> int:
    """The community's revision; 0 before there is one."""
    return int(connection.execute(_REVISION).scalar() or 0)


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened between a reader's revision and *revision*."""

    revision: int
    things: frozenset[tuple[str, str]]  # (kind, id)
    complete: bool  # False: rows were pruned, or the store went back (a restored backup); read everything

    @property
    def small(self) -> bool:
        """Whether all of it can be put in force without reading the whole community: credentials come by the hundred,
        and a lock-down must not wait.
        """
        return self.complete and all(kind in (CREDENTIAL, DOOR_ORDER) for kind, _ in self.things)


def load_changes(connection: Connection, since: int) -> Changes:
    """What changed after revision *since* of the edge's community."""
    owner = the_community(connection)
    revision = current_revision(connection)
    rows = connection.execute(
        select(change.c.revision, change.c.kind, change.c.id).where(
            change.c.community_id == owner, change.c.revision > since
        )
    ).all()
    noted = {row.revision for row in rows}
    complete = since <= revision and len(noted) == revision - since
    return Changes(revision, frozenset((row.kind, row.id) for row in rows), complete)


class RevisionWatch:
    """Asks for the revision a few times a second at next to no cost. Belongs to one thread.

    On SQLite ``PRAGMA data_version`` changes when any other connection has committed; only then is the table read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = None if store.path is None else sqlite3.connect(store.path, isolation_level=None)
        self._data_version = -1
        self._revision = 0

    def poll(self) -> int:
        """The revision as committed now. Raises StoreError where the store fails."""
        if self._own is None:
            with self._store.read() as connection:
                return current_revision(connection)
        try:
            (version,) = self._own.execute("PRAGMA data_version").fetchone()
            if version != self._data_version:
                row = self._own.execute("SELECT revision FROM community ORDER BY id LIMIT 1").fetchone()
                self._revision = row[0] if row else 0
                self._data_version = version  # last: a failed read is asked again
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error
        return self._revision

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
