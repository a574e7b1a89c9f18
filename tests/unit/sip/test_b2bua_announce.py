"""Recordings before a refusal and before the end of a talk that lasted too long."""

import pytest

from models.call import CallPlan, Refusal
from sip.media.engine import CALLER_END
from sip.media.recordings import Recording
from sip.message import Request
from sip.sdp import parse
from tests.fakes.b2bua import MONITOR, CallBench, plan, sdp, target

SECOND = Recording(bytes(8000))
RECORDINGS = {"blocked": SECOND, "nobody": SECOND, "max_talk": SECOND}


def refused(bench: CallBench) -> None:
    bench.desk.plan_ = CallPlan(refusal=Refusal.BLOCKED, status=403)


def test_a_refused_caller_hears_why_and_then_gets_the_status() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    invite = bench.door.invite(body=sdp("192.0.2.50", 4000, formats="0 8 101"))
    early = bench.door.response(183)
    (line,) = parse(early.body).media
    assert (line.port, line.formats) == (bench.media.ports[CALLER_END, 0], ("0",))
    assert bench.media.played == [(CALLER_END, 0, 50, 0)]
    peer = bench.media.peers[CALLER_END, 0]
    assert peer is not None
    assert (peer.host, peer.port) == ("192.0.2.50", 4000)
    bench.advance(1.1)
    assert bench.door.quiet()
    assert not bench.media.closed
    bench.advance(0.3)
    bench.door.ack_refusal(invite, bench.door.response(403))
    assert bench.media.closed
    assert (bench.b2bua.calls, bench.desk.record.status) == (0, 403)


def test_lines_that_bring_no_sound_are_rejected_in_the_early_answer() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    bench.door.invite(body=sdp("192.0.2.50", extra="m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"))
    audio, video = parse(bench.door.response(183).body).media
    assert (audio.rejected, video.rejected, video.kind) == (False, True, "video")


def test_cancel_ends_the_recording_and_the_call() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    invite = bench.door.invite()
    bench.door.response(183)
    bench.door.cancel(invite)
    bench.door.ack_refusal(invite, bench.door.response(487))
    assert bench.media.closed
    bench.advance(5.0)
    assert bench.door.quiet()
    assert bench.b2bua.calls == 0


@pytest.mark.parametrize(
    "body",
    [
        sdp("192.0.2.50", formats="9 101"),  # no G.711
        sdp("192.0.2.50", direction="sendonly"),  # it does not listen
        sdp("192.0.2.50", direction="inactive"),
    ],
)
def test_who_cannot_hear_it_is_refused_at_once(body: bytes) -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    bench.door.invite(body=body)
    bench.door.response(403)
    assert bench.media.played == []


def test_without_ports_or_without_that_recording_it_is_refused_at_once() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    bench.media.ports_left = 0
    bench.door.invite()
    bench.door.response(403)
    bench = CallBench(recordings={"busy": SECOND})
    refused(bench)
    bench.door.invite()
    bench.door.response(403)


def test_nobody_answers_after_early_media_goes_out_on_the_line_that_stands() -> None:
    bench = CallBench(recordings=RECORDINGS)
    bench.desk.plan_ = plan([target(MONITOR)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    early = bench.door.response(183)
    refusal = bench.monitor.respond(leg, 480)
    assert refusal.status == 480
    bench.monitor.request("ACK")
    assert bench.door.quiet(), "its description stands: no second 183"
    (line,) = parse(early.body).media
    assert line.port == bench.media.ports[CALLER_END, 0]
    assert bench.media.played == [(CALLER_END, 0, 50, 8)]
    bench.advance(1.4)
    bench.door.response(480)


def test_a_talk_that_lasts_too_long_is_announced_to_the_caller_before_the_bye() -> None:
    bench = CallBench(recordings=RECORDINGS)
    bench.desk.plan_ = plan([target(MONITOR)], max_talk_s=60.0)
    bench.answered_call()
    bench.advance(60.0)
    bye = bench.monitor.request("BYE")
    bench.monitor.respond(bye, 200)
    assert bench.media.played == [(CALLER_END, 0, 50, 8)]
    assert bench.door.quiet()
    bench.advance(1.4)
    bench.door.respond(bench.door.request("BYE"), 200)
    assert bench.media.closed
    assert bench.b2bua.calls == 0


def test_the_caller_may_hang_up_while_it_is_told() -> None:
    bench = CallBench(recordings=RECORDINGS)
    bench.desk.plan_ = plan([target(MONITOR)], max_talk_s=60.0)
    success, _leg = bench.answered_call()
    bench.advance(60.0)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bench.advance(5.0)
    assert bench.door.quiet()
    assert bench.media.closed
    assert bench.b2bua.calls == 0


async def test_the_daemon_does_not_wait_for_a_recording() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    bench.door.invite()
    bench.door.response(183)
    await bench.b2bua.end_all(0.0)
    bench.door.response(403)
    assert bench.b2bua.calls == 0


def test_a_reliable_183_where_the_caller_requires_it() -> None:
    bench = CallBench(recordings=RECORDINGS)
    refused(bench)
    bench.door.invite(Require="100rel")
    early = bench.door.response(183)
    assert "RSeq" in early.headers
    prack = bench.door.inside(early, "PRACK", RAck=f"{early.headers.get('RSeq')} {early.cseq.number} INVITE")
    assert isinstance(prack, Request)
    bench.door.response(200)
    bench.advance(1.4)
    bench.door.response(403)
