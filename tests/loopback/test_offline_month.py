"""A month without the central store: every row waits in the outbox, in the commit of the row itself."""

import time
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, insert

from edge.store import journal, outbox
from edge.store.engine import open_store
from edge.store.tables import enrolment
from edge.store.writer import Writer
from models.log import LogKind
from tests.unit.edge.store import sample
from tests.unit.edge.store.sample import COMMUNITY, NOON_MS, entry

ROWS: Final = 100_000
AT_ONCE: Final = 5_000


class Undone(Exception):
    """A job that changes its mind."""


def enrol(connection: Connection) -> None:
    told = {"central_url": "https://central.example", "edge_id": "e-1", "private_key": b"k", "central_public_key": b"p"}
    connection.execute(insert(enrolment).values(community_id=COMMUNITY, enrolled_at_ms=NOON_MS, **told))


def undone(connection: Connection) -> None:
    journal.append(connection, entry())
    raise Undone


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_thousand_rows_and_events_wait_without_a_gap(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{sample.make_template(tmp_path / 'edge.db')}")
    sample.fill(store)
    with store.write() as connection:
        enrol(connection)
    writer = Writer(store)
    writer.start()
    kinds = list(LogKind)
    for start in range(0, ROWS, AT_ONCE):
        rows = [entry(kinds[number % len(kinds)], at_ms=NOON_MS + number) for number in range(start, start + AT_ONCE)]
        jobs = [writer.submit(lambda c, row=row: journal.append(c, row, community=COMMUNITY)) for row in rows]
        given_up = writer.submit(undone)
        jobs[-1].result(60)
        with pytest.raises(Undone):
            given_up.result(60)
    writer.close()
    with store.read() as connection:
        assert journal.last_seq(connection) == ROWS
        assert outbox.depth(connection) == ROWS
        assert connection.exec_driver_sql("SELECT MIN(seq), MAX(seq) FROM outbox").one() == (1, ROWS)
        began = time.monotonic()
        assert [event.seq for event in outbox.pending(connection, 500)] == list(range(1, 501))
        assert time.monotonic() - began < 5, "the next events are found without reading all of them"
        verdict = journal.verify(connection)
    assert (verdict.sound, verdict.rows) == (True, ROWS)
    with store.write() as connection:
        assert outbox.confirm(connection, ROWS // 2) == ROWS // 2
        assert outbox.pending(connection, 1)[0].seq == ROWS // 2 + 1
    store.close()
