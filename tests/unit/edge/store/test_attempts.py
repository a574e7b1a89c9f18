from edge.store import attempts
from edge.store.engine import Store
from models.ids import Mac
from tests.unit.edge.store.sample import DAY_MS, GATE_MAC, MONITOR_MAC, NOON_MS

ANSWER = b'{"id":"t-1","granted":true}'


def save(store: Store, attempt: str = "t-1", answer: bytes = ANSWER, *, at_ms: int = NOON_MS) -> bool:
    with store.write() as connection:
        return attempts.save_answer(connection, GATE_MAC, attempt, answer, at_ms)


def answered(store: Store, attempt: str = "t-1", *, device: Mac = GATE_MAC, now_ms: int = NOON_MS) -> bytes | None:
    with store.read() as connection:
        return attempts.answered(connection, device, attempt, now_ms)


def test_the_first_answer_is_given_again_byte_by_byte(store: Store) -> None:
    assert answered(store) is None
    assert save(store)
    assert answered(store) == ANSWER


def test_a_second_answer_changes_nothing(store: Store) -> None:
    save(store)
    assert not save(store, answer=b"other", at_ms=NOON_MS + 1)
    assert answered(store) == ANSWER


def test_ids_belong_to_their_device(store: Store) -> None:
    save(store)
    assert answered(store, device=MONITOR_MAC) is None
    assert answered(store, "t-2") is None


def test_after_a_day_the_id_is_new_again(store: Store) -> None:
    save(store)
    assert answered(store, now_ms=NOON_MS + DAY_MS - 1) == ANSWER
    assert not save(store, answer=b"other", at_ms=NOON_MS + DAY_MS - 1)
    assert answered(store, now_ms=NOON_MS + DAY_MS) is None
    assert save(store, answer=b"other", at_ms=NOON_MS + DAY_MS)
    assert answered(store, now_ms=NOON_MS + DAY_MS) == b"other"


def test_an_event_is_dealt_with_once_and_is_no_attempt(store: Store) -> None:
    with store.write() as connection:
        assert not attempts.event_seen(connection, GATE_MAC, "t-1", NOON_MS)
        assert attempts.save_event(connection, GATE_MAC, "t-1", NOON_MS)
        assert not attempts.save_event(connection, GATE_MAC, "t-1", NOON_MS)
        assert attempts.event_seen(connection, GATE_MAC, "t-1", NOON_MS)
    assert answered(store) is None


def test_the_newest_come_back_first_within_their_bound(store: Store) -> None:
    for number in range(3):
        save(store, f"t-{number}", at_ms=NOON_MS + number)
    with store.read() as connection:
        found = attempts.recent(connection, NOON_MS + 2, limit=2)
        none = attempts.recent(connection, NOON_MS + 2 + DAY_MS, limit=2)
    assert [(row[2], row[3], row[4]) for row in found] == [("t-2", NOON_MS + 2, ANSWER), ("t-1", NOON_MS + 1, ANSWER)]
    assert none == []


def test_old_answers_are_erased_in_small_batches(store: Store) -> None:
    for number in range(3):
        save(store, f"t-{number}", at_ms=NOON_MS + number)
    with store.write() as connection:
        assert attempts.erase_old(connection, NOON_MS + DAY_MS + 1, max_rows=1) == 1
        assert attempts.erase_old(connection, NOON_MS + DAY_MS + 1, max_rows=5) == 1
        assert attempts.erase_old(connection, NOON_MS + DAY_MS + 1) == 0
    assert answered(store, "t-2", now_ms=NOON_MS + DAY_MS + 1) == ANSWER
