"""A defect of our own in the middle of a call: the call ends for everybody, and the next one works."""

import pytest

from edge.core.call import CallMachine
from sip.message import Response
from tests.fakes.b2bua import CallBench, plan, sdp, target


class Defect(Exception):
    """What nobody expects."""


def fails(*_arguments: object, **_more: object) -> None:
    raise Defect


def ring(bench: CallBench) -> None:
    bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)])
    bench.door.invite()


def over(bench: CallBench) -> None:
    """Everybody lets go, and nothing is left."""
    for peer in (bench.monitor, bench.monitor_2):
        for message in peer.waiting():
            if message.method in ("CANCEL", "BYE"):
                peer.respond(message, 200)
    bench.advance(64)
    bench.wire.sent.clear()
    assert bench.b2bua.calls == 0
    assert bench.media.closed
    assert bench.b2bua._entries == {}


def answered_again(bench: CallBench) -> None:
    ring(bench)
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.door.response(200)


@pytest.mark.parametrize("where", ["changed", "reach"])
def test_a_desk_that_raises_at_the_start_leaves_no_call(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    bench = CallBench()
    with monkeypatch.context() as broken:
        broken.setattr(bench.desk, where, fails)
        ring(bench)
        final = next(m for m in bench.door.waiting() if isinstance(m, Response) and m.status >= 300)
        assert final.status == 480
        over(bench)
    assert bench.endpoint.counters["handler_errors"] == 1
    answered_again(bench)


@pytest.mark.parametrize("nth", [1, 2])
def test_media_that_raise_while_a_leg_is_rung_end_the_call(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """The first of two legs may ring already: it is cancelled."""
    bench = CallBench()
    allocate, ends = bench.media.allocate, set[int]()

    def broken(end: int, *arguments: object, **more: object) -> int:
        ends.add(end)
        if len(ends - {-1}) >= nth:
            raise Defect
        return allocate(end, *arguments, **more)  # type: ignore[arg-type]  # as it was called

    with monkeypatch.context() as patch:
        patch.setattr(bench.media, "allocate", broken)
        ring(bench)
        assert bench.door.response(480)
        over(bench)
    answered_again(bench)


def test_an_answer_that_cannot_be_dealt_with_hangs_everybody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = CallBench()
    ring(bench)
    invite = bench.monitor.request("INVITE")
    with monkeypatch.context() as broken:
        broken.setattr(bench.desk, "talking", fails)
        bench.monitor.respond(invite, 200, sdp("192.0.2.60"))
        assert bench.monitor.request("ACK")
        success = bench.door.response(200)
        bench.door.inside(success, "ACK")
        assert bench.door.request("BYE")
        over(bench)


def test_an_invite_that_cannot_be_written_leaves_no_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = CallBench()
    with monkeypatch.context() as broken:
        broken.setattr(bench.endpoint, "request", fails)
        ring(bench)
        assert bench.door.response(480)
        over(bench)
    answered_again(bench)


def test_a_machine_that_is_broken_itself_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = CallBench()
    ring(bench)
    invite = bench.monitor.request("INVITE")
    bench.monitor.respond(invite, 200, sdp("192.0.2.60"))
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    bench.wire.sent.clear()
    with monkeypatch.context() as broken:
        broken.setattr(CallMachine, "feed", fails)
        bench.door.inside(success, "BYE")
        assert bench.monitor.request("BYE")
        over(bench)
    assert len(bench.desk.over) == 1
    answered_again(bench)
