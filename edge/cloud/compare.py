"""What differs between the central store and this edge, item by item. Changes nothing."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from edge.cloud import plan as planning
from edge.cloud.apply import Applier, read_all
from edge.cloud.client import CentralClient, Gone
from edge.cloud.enrolment import Enrolled
from edge.cloud.local import IDS, SYNC_ITEM, TABLES, Local
from edge.cloud.things import COLUMNS, Thing
from edge.cloud.wire import Broken, Item, Poisoned, parse, verify
from edge.store.changes import the_community

MISSING: Final = "missing"  # the central store has it, this edge has not
DIFFERS: Final = "differs"
EXTRA: Final = "extra"  # the central store gave it and has it no longer
OWN: Final = "own"  # made here, and unknown to the central store
POISONED: Final = "poisoned"  # this edge could not take it


@dataclass(frozen=True, slots=True)
class Difference:
    kind: str
    id: str
    state: str
    fields: tuple[str, ...] = ()  # columns that differ

    def row(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.id, "state": self.state, "fields": list(self.fields)}


async def compare(applier: Applier, me: Enrolled, client: CentralClient) -> list[Difference]:
    """Fetch everything and say what differs. Raises Denied, Unreachable, Broken, Gone, StoreError."""
    items: list[Item] = []
    page: str | None = None
    epoch = me.epoch
    while True:
        try:
            body = await client.sync(0, epoch, page=page, wait=False)
        except Gone as gone:
            if page is not None or gone.epoch == epoch:
                raise
            epoch = gone.epoch
            continue
        if body is None:
            raise Broken("the central store sends no snapshot")
        answer = await asyncio.to_thread(parse, body)
        verify(answer, me.central_key)
        if not answer.is_snapshot:
            raise Broken("the central store sends no snapshot")
        items += answer.items
        page = answer.next
        if page is None:
            return await asyncio.to_thread(_differences, applier, items)


def _differences(applier: Applier, items: list[Item]) -> list[Difference]:
    try:
        things, _, _ = read_all(items, applier.rules())
        with applier.store.read() as connection:
            local = Local(connection, the_community(connection), whole=True)
            plan = planning.make(local, things, [], confirmed=True)
            return [*_planned(local, plan), *_own(connection, local.community_id)]
    except Poisoned as error:
        return [Difference(error.kind, error.item or "", POISONED, (error.reason,))]


def _planned(local: Local, plan: planning.Plan) -> Iterator[Difference]:
    for kind, things in plan.new.items():
        yield from (Difference(kind, thing.id, MISSING) for thing in things)
    for kind, things in plan.changed.items():
        rows = local.rows(kind, ()) if things and kind != "community" else {}
        yield from (Difference(kind, thing.id, DIFFERS, _fields(thing, rows.get(thing.key))) for thing in things)
    for kind, keys in plan.gone.items():
        yield from (Difference(kind, key, EXTRA) for key in sorted(keys))


def _fields(thing: Thing, row: Any) -> tuple[str, ...]:
    if row is None:
        return thing.columns
    named = zip(COLUMNS[thing.kind], thing.row, row, strict=True)
    differing = tuple(name for name, wanted, stored in named if wanted != stored)
    return differing or tuple(thing.parts)


def _own(connection: Connection, community_id: str) -> Iterator[Difference]:
    for kind, of in TABLES.items():
        if kind in ("mac", "relay"):  # go with their devices
            continue
        c = SYNC_ITEM.c
        given = select(c.id).where(c.community_id == community_id, c.kind == kind)
        query = select(of.c[IDS[kind]]).where(of.c.community_id == community_id, of.c[IDS[kind]].not_in(given))
        yield from (Difference(kind, key, OWN) for key in connection.execute(query.order_by(of.c[IDS[kind]])).scalars())
