"""Rows of calls through the real writer into a real file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from edge.calls.store import WriterCallStore
from edge.store import calls, journal
from edge.store.engine import Store
from edge.store.writer import Writer
from models.call import (
    CallOutcome,
    CallRecord,
    EndedBy,
    LegKind,
    LegRecord,
    LegState,
    LineMedia,
    MediaFault,
)
from models.ids import CallId
from models.log import LogEntry, LogKind
from tests.unit.edge.store import sample


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = sample.empty_store(sample.make_template(tmp_path / "template.db"), tmp_path / "edge.db")
    sample.fill(made)
    yield made
    made.close()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    made = Writer(store)
    made.start()
    yield made
    made.close()


def shown(store: Store) -> tuple[list[dict[str, object]], list[str]]:
    with store.read() as connection:
        return list(calls.rows(connection)), [str(row["kind"]) for row in journal.rows(connection)]


async def test_a_row_is_there_at_once_and_again_when_it_ends(store, writer):
    kept = WriterCallStore(writer)
    leg = LegRecord(LegKind.MONITOR, "Hall", LegState.RINGING)
    row = CallRecord(CallId("c-1"), sample.NOON_MS, "Gate", "12", sample.HOME, sample.GATE, ((0,),), (leg,))
    await kept.save(row, [LogEntry(LogKind.RING, sample.NOON_MS, id="c-1", apartment=sample.HOME)])
    found, kinds = shown(store)
    assert [(r["id"], r["outcome"], r["stages"]) for r in found] == [("c-1", None, [[0]])]
    assert kinds == ["ring"]


async def test_the_row_keeps_what_went_over_each_line(store, writer):
    kept = WriterCallStore(writer)
    good = LineMedia("audio", 500, 86000, 2, 1.25, 498)
    deaf = LineMedia("audio", 500, 86000, 0, 0.4, 0, strangers=3, fault=MediaFault.ONE_WAY)
    leg = LegRecord(LegKind.MONITOR, "Hall", LegState.ANSWERED, 2.0, (good, LineMedia("video", 9, 9000, 0, 3.0, 0)))
    await kept.save(CallRecord(CallId("c-1"), sample.NOON_MS, "Gate", "12", legs=(leg,), media=(deaf,)), [])
    await kept.save(CallRecord(CallId("c-2"), sample.NOON_MS + 1, "Gate", "13"), [])
    (first, second), _ = shown(store)
    assert first["media"] == [
        {"kind": "audio", "packets": 500, "octets": 86000, "lost": 0, "jitter_ms": 0.4, "sent": 0, "strangers": 3,
         "fault": "one_way"}
    ]  # fmt: skip
    assert [(m["kind"], m["lost"], m["fault"]) for m in first["legs"][0]["media"]] == [
        ("audio", 2, None),
        ("video", 0, None),
    ]
    assert second["media"] == []


async def test_legs_of_an_older_release_have_no_media(store, writer):
    await WriterCallStore(writer).save(
        CallRecord(CallId("c-1"), sample.NOON_MS, "Gate", "12", legs=(LegRecord(LegKind.APP, "Ann", LegState.BUSY),)),
        [],
    )
    with store.write() as connection:
        connection.execute(text('UPDATE call SET legs = \'[{"kind":"app"}]\''))
    (found,), _ = shown(store)
    assert found["legs"] == [{"why": "", "media": [], "kind": "app"}]


async def test_calls_left_open_are_closed(store, writer):
    kept = WriterCallStore(writer)
    await kept.save(CallRecord(CallId("c-1"), sample.NOON_MS, "Gate", "12"), [])
    assert await kept.close_open() == 1
    assert await kept.close_open() == 0
    found, _ = shown(store)
    assert (found[0]["outcome"], found[0]["ended_by"]) == (CallOutcome.FAILED.value, EndedBy.EDGE.value)
