from dataclasses import replace

import pytest
from sqlalchemy import delete

from edge.store import calls, tables
from edge.store.calls import CallFilter
from edge.store.engine import Store
from models.call import CallOutcome, CallRecord, EndedBy, LegKind, LegRecord, LegState, Refusal
from models.ids import CallId
from tests.unit.edge.store.sample import GATE, HOME, NEIGHBOUR, NOON_MS

RINGING = CallRecord(
    CallId("call-1"),
    NOON_MS,
    "Gate",
    "12",
    HOME,
    GATE,
    stages=((0, 1), (2,)),
    legs=(
        LegRecord(LegKind.MONITOR, "Living Room", LegState.RINGING),
        LegRecord(LegKind.APP, "Anna Weiß", LegState.BUSY, 0.12345),
        LegRecord(LegKind.LANDLINE, "…0100", LegState.SKIPPED),
    ),
)
TALKED = replace(
    RINGING,
    legs=(replace(RINGING.legs[0], state=LegState.ANSWERED, rang_s=4.2), *RINGING.legs[1:]),
    outcome=CallOutcome.ANSWERED,
    status=200,
    answered_by=0,
    opened=("1", "s1"),
    ended_by=EndedBy.CALLEE,
    duration_s=31.5,
)


def save(store: Store, *records: CallRecord) -> None:
    with store.write() as connection:
        for record in records:
            calls.save(connection, record)


def listed(store: Store, **wanted: object) -> list[dict[str, object]]:
    with store.read() as connection:
        return list(calls.rows(connection, CallFilter(**wanted)))  # type: ignore[arg-type]


def test_a_call_is_listed_while_it_rings(store: Store) -> None:
    save(store, RINGING)
    (row,) = listed(store)
    assert (row["outcome"], row["status"], row["answered_by"], row["ended_by"]) == (None, None, None, None)
    assert (row["opened"], row["duration_s"]) == ([], 0.0)


def test_the_same_call_is_one_row_in_the_contracts_shape(store: Store) -> None:
    save(store, RINGING, TALKED)
    (row,) = listed(store)
    (monitor, app, landline) = row.pop("legs")  # type: ignore[misc]
    assert row == {
        "id": "call-1",
        "at": "2026-03-01T12:00:00.000Z",
        "from": "Gate",
        "dialled": "12",
        "apartment": "1A/12",
        "stages": [[0, 1], [2]],
        "outcome": "answered",
        "reason": None,
        "status": 200,
        "answered_by": 0,
        "opened": [1, "s1"],
        "ended_by": "callee",
        "duration_s": 31.5,
        "media": [],
    }
    assert {"kind": "monitor", "target": "Living Room", "state": "answered", "rang_s": 4.2}.items() <= monitor.items()
    assert (app["state"], app["rang_s"]) == ("busy", 0.123)
    assert landline["state"] == "skipped"


def test_a_refused_call_says_why(store: Store) -> None:
    refused = CallRecord(
        CallId("call-2"), NOON_MS, "Gate", "99", outcome=CallOutcome.REFUSED, reason=Refusal.UNKNOWN, status=404
    )
    save(store, refused)
    (row,) = listed(store)
    assert (row["outcome"], row["reason"], row["status"], row["apartment"]) == ("refused", "unknown", 404, None)


def test_history_keeps_the_apartments_name(store: Store) -> None:
    save(store, TALKED)
    with store.write() as connection:
        connection.execute(delete(tables.device).where(tables.device.c.apartment_id == HOME))
        connection.execute(delete(tables.apartment).where(tables.apartment.c.id == HOME))
    assert [row["apartment"] for row in listed(store)] == ["1A/12"]


FILTERS = [
    ({}, ["call-1", "call-2", "call-3"]),
    ({"id": "call-2"}, ["call-2"]),
    ({"apartment": HOME}, ["call-1", "call-3"]),
    ({"apartment": "1A/13"}, ["call-2"]),
    ({"since_ms": NOON_MS + 1}, ["call-2", "call-3"]),
    ({"newest": 2}, ["call-2", "call-3"]),
    ({"apartment": "1A/12", "newest": 1}, ["call-3"]),
]


@pytest.mark.parametrize(("wanted", "ids"), FILTERS)
def test_filters_narrow_and_the_oldest_is_first(store: Store, wanted: dict[str, object], ids: list[str]) -> None:
    third = replace(TALKED, id=CallId("call-3"), at_ms=NOON_MS + 2)
    second = replace(TALKED, id=CallId("call-2"), at_ms=NOON_MS + 1, apartment=NEIGHBOUR)
    save(store, third, TALKED, second)
    assert [row["id"] for row in listed(store, **wanted)] == ids


def test_a_crash_leaves_no_call_open(store: Store) -> None:
    talking = replace(RINGING, id=CallId("call-2"), legs=TALKED.legs, answered_by=0)
    save(store, RINGING, talking, replace(TALKED, id=CallId("call-3")))
    with store.write() as connection:
        assert calls.close_open_calls(connection) == 2
        assert calls.close_open_calls(connection) == 0
    rang, talked, ended = listed(store)
    assert (rang["outcome"], rang["ended_by"]) == ("failed", "edge")
    assert [leg["state"] for leg in rang["legs"]] == ["failed", "busy", "skipped"]  # type: ignore[attr-defined]
    assert (talked["outcome"], talked["ended_by"]) == ("answered", "edge")
    assert [leg["state"] for leg in talked["legs"]] == ["answered", "busy", "skipped"]  # type: ignore[attr-defined]
    assert (ended["outcome"], ended["ended_by"]) == ("answered", "callee")


def test_retention_takes_old_calls_in_small_batches_but_none_that_lasts(store: Store) -> None:
    old = [replace(TALKED, id=CallId(f"call-{number}"), at_ms=NOON_MS + number) for number in range(4)]
    save(store, *old, replace(RINGING, id=CallId("call-9"), at_ms=NOON_MS - 1))
    with store.write() as connection:
        assert calls.erase_before(connection, NOON_MS + 3, max_rows=2) == 2
        assert calls.erase_before(connection, NOON_MS + 3, max_rows=2) == 1
        assert calls.erase_before(connection, NOON_MS + 3, max_rows=2) == 0
    assert [row["id"] for row in listed(store)] == ["call-9", "call-3"]


def test_reset_takes_an_apartments_calls(store: Store) -> None:
    save(store, TALKED, replace(TALKED, id=CallId("call-2"), apartment=NEIGHBOUR))
    with store.write() as connection:
        assert calls.erase_apartment(connection, HOME) == 1
    assert [row["id"] for row in listed(store)] == ["call-2"]
