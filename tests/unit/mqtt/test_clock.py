import pytest

from models.ids import Mac
from mqtt.clock import DeviceClocks

DOOR = Mac("0c1105000001")
NOW_MS = 1_772_357_400_000
IN_1970_MS = 5_000


def too_late(clocks: DeviceClocks, at_ms: int, *, now_s: float = 1000.0, waited: bool = False) -> bool:
    return clocks.too_late(DOOR, at_ms, now_ms=NOW_MS, now_s=now_s, may_have_waited=waited)


def test_a_device_of_unknown_clock_is_not_asked_for_its_age() -> None:
    assert not too_late(DeviceClocks(), IN_1970_MS)


@pytest.mark.parametrize(
    ("age_ms", "late"), [(0, False), (10_000, False), (10_001, True), (-10_000, False), (-10_001, True)]
)
def test_what_may_have_waited_is_judged_to_the_millisecond(age_ms: int, late: bool) -> None:
    assert too_late(DeviceClocks(), NOW_MS - age_ms, waited=True) is late


def test_for_30_seconds_after_it_came_back_a_device_may_send_what_it_kept() -> None:
    clocks = DeviceClocks()
    clocks.connected(DOOR, 1000.0)
    assert too_late(clocks, NOW_MS - 60_000, now_s=1029.9)
    assert not too_late(clocks, NOW_MS - 60_000, now_s=1030.0)


def test_a_device_of_known_clock_is_always_asked_and_by_its_own_time() -> None:
    clocks = DeviceClocks()
    clocks.learn_hello(DOOR, IN_1970_MS, NOW_MS)
    assert clocks.offset_ms(DOOR) == IN_1970_MS - NOW_MS
    assert not too_late(clocks, IN_1970_MS)
    assert not too_late(clocks, IN_1970_MS, waited=True)
    assert too_late(clocks, IN_1970_MS - 10_001)
    assert too_late(clocks, NOW_MS)


def test_an_ack_teaches_only_if_its_command_was_sent_just_now() -> None:
    clocks = DeviceClocks()
    assert clocks.learn_ack(DOOR, NOW_MS + 500, NOW_MS, 3.0) is None
    assert clocks.offset_ms(DOOR) == 0
    assert clocks.learn_ack(DOOR, NOW_MS + 500, NOW_MS, 2.99) == 500
    assert clocks.offset_ms(DOOR) == 500


def test_a_stored_offset_is_known_from_the_start() -> None:
    clocks = DeviceClocks({DOOR: 60_000})
    assert too_late(clocks, NOW_MS)
    assert not too_late(clocks, NOW_MS + 60_000)


def test_a_removed_device_is_forgotten() -> None:
    clocks = DeviceClocks({DOOR: 60_000})
    clocks.connected(DOOR, 1000.0)
    clocks.forget(DOOR)
    assert not too_late(clocks, NOW_MS)
    assert clocks.offset_ms(DOOR) == 0
