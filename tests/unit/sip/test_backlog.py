"""Registrations that wait, with a clock and a loop that the test moves."""

from collections.abc import Callable

from sip.backlog import SLICE_S, WAITING_BYTES_MAX, Backlog
from tests.fakes.sip import flow_to

FLOW = flow_to("192.0.2.1", 5060)


class Rounds:
    """The loop: each message costs *cost_s*."""

    def __init__(self, cost_s: float) -> None:
        self.now = 0.0
        self.done: list[bytes] = []
        self.waiting: list[Callable[[], None]] = []
        self.backlog = Backlog(self._receive, self.waiting.append, lambda: self.now)
        self._cost_s = cost_s

    def _receive(self, data: bytes, _flow: object) -> None:
        self.done.append(data)
        self.now += self._cost_s

    def round(self) -> list[bytes]:
        """One round of the loop: what was worked off in it."""
        self.done, due = [], self.waiting[:]
        self.waiting.clear()
        for each in due:
            each()
        return self.done


def test_registrations_are_worked_off_in_order_a_slice_at_a_time():
    rounds = Rounds(cost_s=SLICE_S / 3.5)
    sent = [b"%d" % number for number in range(10)]
    assert all(rounds.backlog.put(one, FLOW) for one in sent)
    assert [rounds.round() for _ in range(4)] == [sent[:4], sent[4:8], sent[8:], []]
    assert rounds.waiting == []


def test_one_that_takes_long_is_alone_in_its_slice():
    rounds = Rounds(cost_s=10 * SLICE_S)
    for one in (b"a", b"b"):
        rounds.backlog.put(one, FLOW)
    assert [rounds.round() for _ in range(3)] == [[b"a"], [b"b"], []]


def test_what_comes_again_while_it_waits_is_worked_off_once():
    rounds = Rounds(cost_s=0.0)
    for flow in (FLOW, FLOW, flow_to("192.0.2.2", 5060)):
        assert rounds.backlog.put(b"same", flow)
    assert rounds.round() == [b"same", b"same"]  # two telephones
    rounds.backlog.put(b"same", FLOW)
    assert rounds.round() == [b"same"]


def test_no_more_waits_than_there_is_room_for():
    rounds = Rounds(cost_s=0.0)
    half = WAITING_BYTES_MAX // 2
    assert rounds.backlog.put(b"a" * half, FLOW)
    assert rounds.backlog.put(b"b" * half, FLOW)
    assert not rounds.backlog.put(b"c", FLOW)
    assert len(rounds.round()) == 2
    assert rounds.backlog.put(b"c", FLOW)


def test_nothing_is_worked_off_after_the_end():
    rounds = Rounds(cost_s=0.0)
    rounds.backlog.put(b"a", FLOW)
    rounds.backlog.clear()
    assert rounds.round() == []
    assert len(rounds.backlog) == 0
