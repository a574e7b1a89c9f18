"""No room for a change: nothing of it is stored, and it is followed once there is room again."""

import json

import pytest
from sqlalchemy import Connection, text

from edge.cloud.wire import parse
from edge.store.errors import StoreError
from tests.fakes.central import FakeCentral
from tests.loopback.sync.lab import Edge, furnish


async def test_a_full_disk(edge: Edge, central: FakeCentral) -> None:
    furnish(central, people=300)
    await edge.join(central)
    answer = parse(json.dumps(central.answer("snapshot", 0, central.rev, central.live())).encode())

    def no_room(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    def room(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count = 1000000"))

    await edge.writer.write(no_room)
    with pytest.raises(StoreError):
        edge.applier.take(edge.me(), answer)
    assert (edge.credentials(), edge.me().cursor) == (0, 0)
    await edge.writer.write(room)
    async with edge.following():
        await edge.at(central.rev)
    assert await edge.differences(central) == []
