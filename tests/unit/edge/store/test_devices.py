from edge.store import devices
from edge.store.changes import current_revision
from edge.store.devices import DeviceState
from edge.store.engine import Store
from models.ids import DeviceId
from tests.unit.edge.store.sample import GATE, MONITOR, NOON_MS


def state(store: Store) -> DeviceState:
    with store.read() as connection:
        return devices.states(connection)[GATE]


def presence(store: Store, online: bool, now_ms: int) -> None:
    with store.write() as connection:
        devices.save_presence(connection, GATE, online=online, now_ms=now_ms)


def test_online_since_the_first_word_of_it(store: Store) -> None:
    presence(store, True, NOON_MS)
    presence(store, True, NOON_MS + 5)
    assert (state(store).online, state(store).online_since_ms, state(store).seen_at_ms) == (True, NOON_MS, NOON_MS + 5)
    presence(store, False, NOON_MS + 6)
    assert (state(store).online, state(store).online_since_ms) == (False, None)
    presence(store, True, NOON_MS + 7)
    assert state(store).online_since_ms == NOON_MS + 7


def test_nobody_is_online_when_the_daemon_starts(store: Store) -> None:
    presence(store, True, NOON_MS)
    with store.write() as connection:
        devices.all_offline(connection)
    assert not state(store).online
    assert state(store).seen_at_ms == NOON_MS


def test_each_thing_told_leaves_the_others_alone(store: Store) -> None:
    presence(store, True, NOON_MS)
    with store.write() as connection:
        devices.save_hello(connection, GATE, model="X915", firmware="2.1", ip="192.0.2.7", relays=2, now_ms=NOON_MS + 1)
        devices.save_clock_offset(connection, GATE, -1_750_000_000_000)
        devices.want_revision(connection, GATE, 7)
        devices.confirm_revision(connection, GATE, 6, NOON_MS + 2)
        devices.save_contact(connection, GATE, True)
    assert state(store) == DeviceState(
        GATE,
        online=True,
        online_since_ms=NOON_MS,
        seen_at_ms=NOON_MS + 1,
        hello_at_ms=NOON_MS + 1,
        model="X915",
        firmware="2.1",
        ip="192.0.2.7",
        relays=2,
        clock_offset_ms=-1_750_000_000_000,
        revision_wanted=7,
        revision_confirmed=6,
        revision_confirmed_at_ms=NOON_MS + 2,
        door_open=True,
    )


def test_what_devices_tell_is_no_change_of_the_community(store: Store) -> None:
    presence(store, True, NOON_MS)
    with store.write() as connection:
        devices.save_clock_offset(connection, MONITOR, 5)
        assert current_revision(connection) == 1


def test_the_digest_fallback_is_a_change(store: Store) -> None:
    with store.write() as connection:
        devices.save_digest_fallback(connection, GATE)
        assert current_revision(connection) == 2
    assert state(store).digest_fallback


def test_a_removed_device_is_passed_over(store: Store) -> None:
    with store.write() as connection:
        devices.save_clock_offset(connection, DeviceId("d-gone"), 5)
        devices.save_digest_fallback(connection, DeviceId("d-gone"))
        assert devices.states(connection) == {}
        assert current_revision(connection) == 1
