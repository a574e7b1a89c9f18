from models.ids import Mac
from mqtt.comings import OFTEN, WITHIN_S, Comings

GATE, YARD = Mac("0c1105000001"), Mac("0c1105000002")


def test_a_device_that_comes_again_and_again_is_restless_until_it_stays() -> None:
    comings = Comings()
    for number in range(OFTEN - 1):
        comings.hello(GATE, float(number))
    assert comings.restless(10.0) == {}
    comings.hello(GATE, 9.0)
    comings.hello(YARD, 9.0)
    assert comings.restless(10.0) == {GATE: 10.0}
    assert comings.restless(WITHIN_S) == {GATE: WITHIN_S}
    assert comings.restless(WITHIN_S + 1) == {}


def test_only_the_newest_times_count() -> None:
    comings = Comings()
    for number in range(OFTEN):
        comings.hello(GATE, number * WITHIN_S)
    now_s = (OFTEN - 1) * WITHIN_S
    assert comings.restless(now_s) == {}
    for number in range(OFTEN):
        comings.hello(GATE, now_s + number)
    assert comings.restless(now_s + OFTEN) == {GATE: float(OFTEN)}


def test_a_removed_device_leaves_nothing() -> None:
    comings = Comings()
    for number in range(OFTEN):
        comings.hello(GATE, float(number))
    comings.forget(GATE)
    assert comings.restless(10.0) == {}
