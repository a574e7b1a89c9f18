from edge.core.lockout import LockKey, StoredCounter
from edge.store import lockouts
from edge.store.engine import Store
from models.ids import DeviceId
from tests.unit.edge.store.sample import GATE, HOME, NOON_MS

READER = LockKey(GATE)
READER_FOR_HOME = LockKey(GATE, HOME)
TRIED = StoredCounter((NOON_MS - 2, NOON_MS - 1), 0, None)
LOCKED = StoredCounter((), 3, NOON_MS + 120_000)


def save(store: Store, key: LockKey, counter: StoredCounter | None) -> None:
    with store.write() as connection:
        lockouts.save(connection, key, counter)


def load(store: Store) -> dict[LockKey, StoredCounter]:
    with store.read() as connection:
        return lockouts.load(connection)


def test_a_reader_and_its_apartments_are_counted_apart(store: Store) -> None:
    save(store, READER, TRIED)
    save(store, READER_FOR_HOME, LOCKED)
    assert load(store) == {READER: TRIED, READER_FOR_HOME: LOCKED}


def test_a_counter_is_replaced_and_forgotten(store: Store) -> None:
    save(store, READER, TRIED)
    save(store, READER_FOR_HOME, TRIED)
    save(store, READER, LOCKED)
    save(store, READER_FOR_HOME, None)
    save(store, READER_FOR_HOME, None)
    assert load(store) == {READER: LOCKED}


def test_a_removed_device_is_passed_over(store: Store) -> None:
    save(store, LockKey(DeviceId("d-gone")), TRIED)
    assert load(store) == {}
