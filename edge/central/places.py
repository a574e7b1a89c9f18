"""Where edges stand, read for everybody who asks in the same moment by one statement."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, func, select

from edge.central.changes import Central
from edge.central.problems import Unauthorised
from edge.central.tables import community, edge, edge_item
from edge.central.watch import Threads

MAX_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """What the central store knows of an edge at one revision of its community."""

    id: str
    community: str
    whole: bool  # it sees every building
    applied: int
    rev: int
    floor: int
    epoch: str
    confirmed_rev: int
    newest: int  # the revision of the newest thing that it is to be told
    entered: int  # nothing was entered for it alone after this revision
    key: bytes | None = field(repr=False)  # None: it may not ask

    @property
    def public_key(self) -> Ed25519PublicKey:
        """Raises Unauthorised where it may not ask."""
        if self.key is None:
            raise Unauthorised("edge", "no such edge is enrolled")
        return Ed25519PublicKey.from_public_bytes(self.key)


_NEWEST: Final = select(func.max(edge_item.c.rev)).where(edge_item.c.edge == edge.c.id).scalar_subquery()
# A new scope enters every thing anew, the community among them, which every edge sees (`edge.central.fanout`).
_ENTERED: Final = (
    select(edge_item.c.rev)
    .where(edge_item.c.edge == edge.c.id, edge_item.c.kind == "community", edge_item.c.id == edge.c.community)
    .scalar_subquery()
)
_PLACES: Final = select(
    edge.c.id, edge.c.community, edge.c.whole, edge.c.enabled, edge.c.public_key, edge.c.applied, community.c.rev,
    community.c.floor, community.c.epoch, community.c.confirmed_rev, _NEWEST.label("newest"),
    _ENTERED.label("entered"),
).join_from(edge, community)  # fmt: skip


def places(connection: Connection, identities: Iterable[str]) -> dict[str, Place]:
    """Of each of these edges that is known."""
    rows = connection.execute(_PLACES.where(edge.c.id.in_(list(identities))))
    return {
        row.id: Place(
            row.id, row.community, row.whole, row.applied, row.rev, row.floor, row.epoch, row.confirmed_rev,
            row.newest or 0, row.entered or row.rev, row.public_key if row.enabled else None,
        )
        for row in rows
    }  # fmt: skip


@dataclass(slots=True)
class _Batch:
    edges: set[str]
    read: "asyncio.Future[dict[str, Place]] | None" = None


class Places:
    """Looks for many at a time: a thousand questions are a few statements, not thousands."""

    def __init__(self, central: Central, threads: Threads) -> None:
        self._central = central
        self._threads = threads
        self._turn = asyncio.Lock()
        self._gathering: _Batch | None = None

    async def of(self, identity: str) -> Place:
        """Where the edge stands now, not before. Raises Unauthorised where there is none, StoreError."""
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch(set())
            batch.read = asyncio.ensure_future(self._read(batch))
        batch.edges.add(identity)
        assert batch.read is not None  # noqa: S101  # set where the batch is made
        found = await asyncio.shield(batch.read)  # one who goes away takes nobody with it
        if identity not in found:
            raise Unauthorised("edge", "no such edge is enrolled")
        return found[identity]

    async def _read(self, batch: _Batch) -> dict[str, Place]:
        async with self._turn:  # while one batch is read the next one gathers
            self._gathering = None
            return await self._threads.run(self._read_all, sorted(batch.edges))

    def _read_all(self, identities: list[str]) -> dict[str, Place]:
        found: dict[str, Place] = {}
        with self._central.store.read() as connection:
            for start in range(0, len(identities), MAX_AT_ONCE):
                found |= places(connection, identities[start : start + MAX_AT_ONCE])
        return found
