"""The desk's work in a real store, by the real writer."""

from collections.abc import Iterator

import pytest

from edge.core.lockout import LockKey, StoredCounter
from edge.doors import memory
from edge.doors.ledger import StoreLedger, stored_state
from edge.doors.work import Done, Heard, MessageKey, Told, Work
from edge.store import devices, journal, tables
from edge.store.engine import Store
from edge.store.writer import Writer
from models.device_events import Hello
from tests.unit.edge.store import sample
from tests.unit.edge.store.sample import CARD, COMMUNITY, GATE, GATE_MAC, NOON_MS

ATTEMPT = MessageKey(GATE_MAC, Heard.ATTEMPT, "t1")
EVENT = MessageKey(GATE_MAC, Heard.EVENT, "t1")
DAY_MS = 24 * 3_600_000


@pytest.fixture
def ledger(store: Store) -> Iterator[StoreLedger]:
    with store.write() as connection:
        connection.execute(tables.credential.update().where(tables.credential.c.id == CARD).values(uses_left=1))
    writer = Writer(store)
    writer.start()
    yield StoreLedger(store, writer, COMMUNITY)
    writer.close()


def told(identity: str = "t1", body: bytes = b"granted") -> Told:
    return Told((sample.entry(id=identity, device=GATE, credential=CARD),), body)


def commit(ledger: StoreLedger, work: Work) -> Done:
    return ledger.submit(work).result(timeout=10)


def log(store: Store) -> list[str]:
    with store.read() as connection:
        return [row["id"] for row in journal.rows(connection)]


def test_row_answer_and_use_are_one_commit(ledger: StoreLedger, store: Store) -> None:
    work = Work(NOON_MS, told(), ATTEMPT, use=CARD, if_spent=told("spent", b"spent"))
    assert commit(ledger, work) == Done(b"granted")
    assert log(store) == ["t1"]
    assert ledger.answered(ATTEMPT, NOON_MS) == b"granted"
    with store.read() as connection:
        left = connection.execute(tables.credential.select().where(tables.credential.c.id == CARD)).one().uses_left
    assert left == 0


def test_the_last_use_is_taken_once(ledger: StoreLedger, store: Store) -> None:
    for identity, expected in (("t1", Done(b"granted")), ("t2", Done(b"spent", spent=True))):
        key = MessageKey(GATE_MAC, Heard.ATTEMPT, identity)
        assert (
            commit(ledger, Work(NOON_MS, told(identity), key, use=CARD, if_spent=told("spent", b"spent"))) == expected
        )
    assert log(store) == ["t1", "spent"]
    assert ledger.answered(MessageKey(GATE_MAC, Heard.ATTEMPT, "t2"), NOON_MS) == b"spent"


def test_a_panels_use_is_taken_as_far_as_there_is_one(ledger: StoreLedger, store: Store) -> None:
    for identity in ("e1", "e2"):
        key = MessageKey(GATE_MAC, Heard.EVENT, identity)
        assert commit(ledger, Work(NOON_MS, told(identity, b""), key, use=CARD)) == Done(b"")
    assert log(store) == ["e1", "e2"]


def test_a_key_that_is_there_changes_nothing(ledger: StoreLedger, store: Store) -> None:
    commit(ledger, Work(NOON_MS, told(), ATTEMPT))
    again = Work(NOON_MS + 1, told("t2", b"other"), ATTEMPT, {LockKey(GATE): StoredCounter((NOON_MS,))}, use=CARD)
    assert commit(ledger, again) == Done(b"granted", repeated=True)
    assert log(store) == ["t1"]
    assert ledger.load(NOON_MS).counters == {}


def test_attempts_and_events_have_ids_of_their_own(ledger: StoreLedger) -> None:
    commit(ledger, Work(NOON_MS, told(), ATTEMPT))
    assert ledger.answered(EVENT, NOON_MS) is None
    assert commit(ledger, Work(NOON_MS, told("e", b""), EVENT)) == Done(b"")
    assert ledger.answered(EVENT, NOON_MS) == b""


def test_the_past_is_what_was_committed(ledger: StoreLedger, store: Store) -> None:
    counter = StoredCounter((NOON_MS,), 2, NOON_MS + 60_000)
    commit(ledger, Work(NOON_MS, told(), ATTEMPT, {LockKey(GATE): counter}, presence=(GATE, True)))
    past = ledger.load(NOON_MS + 1)
    assert past.counters == {LockKey(GATE): counter}
    assert past.answers == {ATTEMPT: (NOON_MS, b"granted")}
    assert past.answers_complete
    assert past.online == {GATE}
    assert ledger.load(NOON_MS + DAY_MS).answers == {}
    commit(ledger, Work(NOON_MS))
    with store.read() as connection:
        assert not devices.states(connection)[GATE].online  # nobody is, until it says so


def test_a_past_too_long_for_memory_is_said_to_be_incomplete(
    ledger: StoreLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.doors.ledger.MAX_REMEMBERED", 1)
    assert memory.MAX_REMEMBERED > 1
    for identity in ("t1", "t2"):
        commit(ledger, Work(NOON_MS, told(identity), MessageKey(GATE_MAC, Heard.ATTEMPT, identity)))
    assert not ledger.load(NOON_MS).answers_complete


def test_a_cleared_counter_is_gone(ledger: StoreLedger) -> None:
    commit(ledger, Work(NOON_MS, counters={LockKey(GATE): StoredCounter((NOON_MS,))}))
    commit(ledger, Work(NOON_MS, counters={LockKey(GATE): None}))
    assert ledger.load(NOON_MS).counters == {}


def test_state_for_a_person_who_asks_beside_the_daemon(ledger: StoreLedger, store: Store) -> None:
    counter = StoredCounter((), 1, NOON_MS + 20_000)
    commit(ledger, Work(NOON_MS, counters={LockKey(GATE): counter}))
    with store.read() as connection:
        state = stored_state(connection, now_s=7.0, now_ms=NOON_MS)
    assert state.lockout.remaining_s(LockKey(GATE), state.now_s) == 20.0


def test_hello_is_kept(ledger: StoreLedger, store: Store) -> None:
    hello = Hello(GATE_MAC, "R29", "29.1", "10.0.0.9", 2, None, True)
    commit(ledger, Work(NOON_MS, hello=(GATE, hello)))
    with store.read() as connection:
        kept = devices.states(connection)[GATE]
    assert (kept.model, kept.firmware, kept.ip, kept.relays, kept.hello_at_ms) == (
        "R29",
        "29.1",
        "10.0.0.9",
        2,
        NOON_MS,
    )


def test_old_answers_are_dropped(ledger: StoreLedger) -> None:
    commit(ledger, Work(NOON_MS, told(), ATTEMPT))
    assert ledger.forget_old(NOON_MS + DAY_MS - 1).result(timeout=10) == 0
    assert ledger.forget_old(NOON_MS + DAY_MS).result(timeout=10) == 1
