"""What may be asked of which device."""

import pytest

from edge.fleet.verbs import MAX_LINES, NotForThis, autop_lines, check
from models.device import Device, DeviceType
from models.ids import DeviceId, Mac, SipUser


def device(kind: DeviceType) -> Device:
    return Device(DeviceId("d"), Mac("0c1105000001"), "Lobby", kind, SipUser("10000001"))


@pytest.mark.parametrize("kind", DeviceType)
@pytest.mark.parametrize("verb", ["reboot", "reset", "autop"])
def test_every_device_can_be_looked_after(verb: str, kind: DeviceType) -> None:
    check(verb, device(kind))


@pytest.mark.parametrize("verb", ["arm", "disarm"])
def test_monitors_alone_are_armed(verb: str) -> None:
    check(verb, device(DeviceType.INDOOR_MONITOR))
    for kind in set(DeviceType) - {DeviceType.INDOOR_MONITOR}:
        with pytest.raises(NotForThis, match="indoor monitors"):
            check(verb, device(kind))


@pytest.mark.parametrize("verb", ["open", "hold", "upgrade", "", "REBOOT"])
def test_nothing_else_is_asked(verb: str) -> None:
    """An opening has a decision behind it; it is no maintenance."""
    with pytest.raises(NotForThis):
        check(verb, device(DeviceType.DOOR_PHONE))


def test_lines_are_for_autop() -> None:
    check("autop", device(DeviceType.DOOR_PHONE), ("a = 1",))
    with pytest.raises(NotForThis, match="no configuration lines"):
        check("reboot", device(DeviceType.DOOR_PHONE), ("a = 1",))


def test_a_line_that_is_there_twice_is_sent_once_and_order_is_kept() -> None:
    assert autop_lines(["b = 2", " a = 1 ", "", "b = 2"]) == ("b = 2", "a = 1")


@pytest.mark.parametrize("line", ["a", "= 1", "a = \n1", "a = " + "x" * 600])
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no line of the form"):
        autop_lines([line])


def test_lines_are_bounded() -> None:
    with pytest.raises(ValueError, match="at most"):
        autop_lines([f"k{n} = 1" for n in range(MAX_LINES + 1)])
