import contextlib
import hashlib

import pytest
from sqlalchemy import delete, insert, text, update

from edge.store import journal, outbox, tables
from edge.store.engine import Store
from edge.store.errors import StoreEmpty
from edge.store.journal import LogFilter
from models.access import Reason, UnlockMethod
from models.log import LogEntry, LogKind, Outcome
from tests.unit.edge.store.sample import ANNA, CARD, COMMUNITY, GATE, HOME, NEIGHBOUR, NOON_MS, entry

OPENED = entry(
    id="t-1",
    device=GATE,
    device_at_ms=NOON_MS - 250,
    method=UnlockMethod.RF_CARD,
    outcome=Outcome.GRANTED,
    reason=Reason.GRANTED,
    apartment=HOME,
    resident=ANNA,
    credential=CARD,
    relays=("1", "s1"),
    detail={"hint": "4F2A"},
)


def append(store: Store, *entries: LogEntry) -> list[int]:
    with store.write() as connection:
        return [journal.append(connection, one) for one in entries]


def append_and_roll_back(store: Store, one: LogEntry) -> None:
    with contextlib.suppress(ZeroDivisionError), store.write() as connection:
        journal.append(connection, one)
        raise ZeroDivisionError


def listed(store: Store, **wanted: object) -> list[dict[str, object]]:
    with store.read() as connection:
        return list(journal.rows(connection, LogFilter(**wanted)))  # type: ignore[arg-type]


def enrol(store: Store) -> None:
    with store.write() as connection:
        connection.execute(
            insert(tables.enrolment).values(
                community_id=COMMUNITY,
                central_url="https://central.example",
                edge_id="e-1",
                private_key=b"sealed",
                central_public_key=bytes(32),
                enrolled_at_ms=NOON_MS,
            )
        )


def test_row_has_the_names_and_the_contracts_shape(store: Store) -> None:
    append(store, OPENED)
    assert listed(store) == [
        {
            "seq": 1,
            "id": "t-1",
            "kind": "access",
            "at": "2026-03-01T12:00:00.000Z",
            "device_at": "2026-03-01T11:59:59.750Z",
            "door": "Gate",
            "device": "0c11050b9814",
            "method": "rf_card",
            "outcome": "granted",
            "reason": "granted",
            "apartment": "1A/12",
            "resident": "Anna Weiß",
            "credential": CARD,
            "relays": [1],
            "security_relays": [1],
            "duress": False,
            "detail": {"hint": "4F2A"},
        }
    ]


def test_history_keeps_the_names_of_what_is_gone(store: Store) -> None:
    append(store, OPENED)
    with store.write() as connection:
        connection.execute(delete(tables.device).where(tables.device.c.id == GATE))
        connection.execute(delete(tables.resident).where(tables.resident.c.id == ANNA))
    (row,) = listed(store)
    assert (row["door"], row["resident"]) == ("Gate", "Anna Weiß")


def test_an_unknown_door_is_told_by_its_id(store: Store) -> None:
    append(store, entry(device="d-gone"))
    (row,) = listed(store)
    assert (row["door"], row["device"], row["apartment"]) == ("d-gone", None, None)


def test_a_rolled_back_row_leaves_no_gap(store: Store) -> None:
    append(store, entry())
    append_and_roll_back(store, entry())
    assert append(store, entry()) == [2]


def test_without_a_community_nothing_can_be_logged(empty: Store) -> None:
    with pytest.raises(StoreEmpty):
        append(empty, entry())


FILTERS = [
    ({}, [1, 2, 3, 4]),
    ({"door": GATE}, [1, 3]),
    ({"door": "0c11050b9814"}, [1, 3]),
    ({"door": "Gate"}, [1, 3]),
    ({"apartment": HOME}, [1]),
    ({"apartment": "1A/13"}, [2]),
    ({"since_ms": NOON_MS + 1}, [4]),
    ({"kind": LogKind.AUDIT}, [2, 4]),
    ({"after": 2}, [3, 4]),
    ({"limit": 2}, [1, 2]),
    ({"after": 1, "limit": 1}, [2]),
    ({"door": "Gate", "kind": LogKind.DEVICE}, [3]),
]


@pytest.mark.parametrize(("wanted", "seqs"), FILTERS)
def test_filters_narrow(store: Store, wanted: dict[str, object], seqs: list[int]) -> None:
    append(
        store,
        OPENED,
        entry(LogKind.AUDIT, apartment=NEIGHBOUR),
        entry(LogKind.DEVICE, device=GATE),
        entry(LogKind.AUDIT, at_ms=NOON_MS + 1),
    )
    assert [row["seq"] for row in listed(store, **wanted)] == seqs


def test_the_chain_of_untouched_rows_is_sound(store: Store) -> None:
    append(store, OPENED, entry(duress=True, detail={"каша": 1, "nested": {"b": [1.5, None]}}), entry())
    with store.read() as connection:
        verdict = journal.verify(connection)
    assert verdict.sound
    assert verdict.rows == verdict.newest == 3


@pytest.mark.parametrize(
    "change", ["outcome = 'denied'", "duress = NOT duress", "door = 'Other'", "at_ms = at_ms + 1", "detail = '{}'"]
)
def test_a_changed_row_breaks_the_chain(store: Store, change: str) -> None:
    append(store, entry(), OPENED, entry())
    with store.write() as connection:
        connection.execute(text(f"UPDATE journal SET {change} WHERE seq = 2"))
    with store.read() as connection:
        assert journal.verify(connection).broken == 2


def test_a_row_hashed_anew_by_hand_breaks_the_link_to_the_next(store: Store) -> None:
    append(store, entry(), entry(), entry())
    with store.write() as connection:
        connection.execute(
            update(tables.journal).where(tables.journal.c.seq == 2).values(hash=hashlib.sha256().digest())
        )
    with store.read() as connection:
        assert journal.verify(connection).broken == 2


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_row_taken_out_by_hand_is_missing(store: Store, gone: int) -> None:
    append(store, entry(), entry(), entry())
    with store.write() as connection:
        connection.execute(delete(tables.journal).where(tables.journal.c.seq == gone))
    with store.read() as connection:
        verdict = journal.verify(connection)
    assert verdict.missing == 1
    assert not verdict.sound


def test_retention_takes_the_oldest_of_one_kind_in_small_batches(store: Store) -> None:
    append(store, *(entry(at_ms=NOON_MS + n) for n in range(5)), entry(LogKind.AUDIT, at_ms=NOON_MS))
    with store.write() as connection:
        assert journal.erase_before(connection, LogKind.ACCESS, NOON_MS + 4, max_rows=3) == 3
        assert journal.erase_before(connection, LogKind.ACCESS, NOON_MS + 4, max_rows=3) == 1
        assert journal.erase_before(connection, LogKind.ACCESS, NOON_MS + 4, max_rows=3) == 0
    assert [row["seq"] for row in listed(store)] == [5, 6]
    with store.read() as connection:
        assert journal.verify(connection).sound


def test_seq_goes_on_after_everything_was_erased(store: Store) -> None:
    append(store, entry(), entry())
    with store.write() as connection:
        journal.erase_before(connection, LogKind.ACCESS, NOON_MS + 1)
    assert append(store, entry()) == [3]
    with store.read() as connection:
        assert journal.last_seq(connection) == 3
        assert journal.verify(connection).sound


def test_reset_takes_an_apartments_rows_but_audit(store: Store) -> None:
    append(
        store,
        OPENED,
        entry(LogKind.AUDIT, apartment=HOME),
        entry(apartment=NEIGHBOUR),
        entry(LogKind.RING, apartment=HOME),
    )
    with store.write() as connection:
        assert journal.erase_apartment(connection, HOME) == 2
    assert [row["seq"] for row in listed(store)] == [2, 3]


def test_an_edge_of_its_own_queues_nothing(store: Store) -> None:
    append(store, OPENED)
    with store.read() as connection:
        assert outbox.depth(connection) == 0


def test_an_enrolled_edge_queues_the_event_in_the_same_transaction(store: Store) -> None:
    append(store, entry())
    enrol(store)
    append_and_roll_back(store, OPENED)
    append(store, OPENED, entry(LogKind.AUDIT))
    with store.read() as connection:
        first, second = outbox.pending(connection)
    assert (first.seq, first.type, first.at_ms) == (1, "access.granted", NOON_MS)
    assert first.body["seq"] == 2
    assert first.body["credential_id"] == CARD
    assert first.body["relays"] == ["1", "s1"]
    assert (second.seq, second.type) == (2, "audit")


def test_what_the_central_store_has_is_dropped_and_never_numbered_again(store: Store) -> None:
    enrol(store)
    append(store, entry(), entry(), entry())
    with store.write() as connection:
        assert outbox.confirm(connection, 2) == 2
        assert [event.seq for event in outbox.pending(connection)] == [3]
        assert outbox.confirm(connection, 3) == 1
    append(store, entry())
    with store.read() as connection:
        assert [event.seq for event in outbox.pending(connection)] == [4]
        assert len(outbox.db_id(connection)) == 16
