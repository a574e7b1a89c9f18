"""What waits out its time together, with a clock that the test moves."""

import pytest

from sip.lingering import GRAIN_S, Lingering
from tests.fakes.sip import FakeTimers


def test_each_is_called_after_its_time_and_at_most_a_grain_late():
    timers = FakeTimers(now=0.0)
    lingering, late_s = Lingering(timers), []
    for began in (0.0, 0.1, 0.2, 1.0, 7.0):
        timers.advance(began - timers.now)
        lingering.later(5.0, lambda due: late_s.append(timers.now - due), began + 5.0)
    timers.advance(20.0)
    assert len(late_s) == 5
    assert all(0 <= late <= GRAIN_S + 1e-9 for late in late_s), late_s
    assert timers.pending == 0


def test_lengths_do_not_wait_for_one_another():
    timers, ended = FakeTimers(), []
    lingering = Lingering(timers)
    lingering.later(32.0, ended.append, "long")
    lingering.later(5.0, ended.append, "short")
    timers.advance(5.0)
    assert ended == ["short"]
    timers.advance(27.0)
    assert ended == ["short", "long"]


def test_a_length_has_one_timer_however_many_wait():
    timers = FakeTimers()
    lingering = Lingering(timers)
    for _ in range(1000):
        lingering.later(5.0, lambda: None)
    assert timers.pending == 1


def test_one_that_fails_does_not_hold_up_the_others():
    timers, ended = FakeTimers(), []
    lingering = Lingering(timers)
    lingering.later(5.0, lambda: 1 / 0)
    lingering.later(5.0, ended.append, "next")
    with pytest.raises(ZeroDivisionError):  # for the loop's own report
        timers.advance(5.0)
    timers.advance(5.0 + GRAIN_S)
    assert ended == ["next"]


def test_what_is_asked_for_meanwhile_waits_its_own_time():
    timers, ended = FakeTimers(), []
    lingering = Lingering(timers)
    lingering.later(5.0, lambda: lingering.later(5.0, ended.append, "again"))
    timers.advance(5.0)
    assert ended == []
    timers.advance(5.0 + GRAIN_S)
    assert ended == ["again"]
