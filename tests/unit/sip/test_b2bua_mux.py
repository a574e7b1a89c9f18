"""RTCP on the port of RTP (RFC 5761): with the end that asks for it, and with no other."""

from sip.media.engine import CALLER_END
from sip.message import Request
from sip.sdp import Media, parse
from tests.fakes.b2bua import MONITOR, CallBench, plan, sdp, target

MUX = "a=rtcp-mux\r\na=rtcp:4000\r\n"


def ringing(bench: CallBench, body: bytes) -> Request:
    bench.desk.plan_ = plan([target(MONITOR)])
    bench.door.invite(body=body)
    return bench.monitor.request("INVITE")


def line(body: bytes) -> Media:
    return parse(body).media[0]


def test_who_asks_for_it_gets_it_and_the_other_end_hears_nothing_of_it() -> None:
    bench = CallBench()
    leg = ringing(bench, sdp("192.0.2.50", extra=MUX))
    assert not line(leg.body).muxed
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    assert line(bench.door.response(200).body).muxed
    caller, callee = bench.media.peers[CALLER_END, 0], bench.media.peers[0, 0]
    assert caller is not None
    assert callee is not None
    assert (caller.mux, caller.rtcp_host, caller.rtcp_port) == (True, "192.0.2.50", 4000)
    assert (callee.mux, callee.rtcp_port) == (False, 4001)


def test_who_does_not_ask_is_not_told() -> None:
    bench = CallBench()
    bench.monitor.respond(ringing(bench, sdp("192.0.2.50")), 200, sdp("192.0.2.60", extra=MUX))
    assert not line(bench.door.response(200).body).muxed
    assert [peer.mux for peer in bench.media.peers.values() if peer is not None] == [False, False]


def test_a_callee_that_makes_the_offer_may_ask_too() -> None:
    bench = CallBench()
    leg = ringing(bench, b"")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60", extra=MUX))
    success = bench.door.response(200)
    assert not line(success.body).muxed
    bench.door.inside(success, "ACK", sdp("192.0.2.50"))
    assert line(bench.monitor.request("ACK").body).muxed


def test_it_stays_with_a_hold_and_may_be_given_up() -> None:
    bench = CallBench()
    bench.monitor.respond(ringing(bench, sdp("192.0.2.50", extra=MUX)), 200, sdp("192.0.2.60"))
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    bench.monitor.request("ACK")
    for extra in (MUX, ""):
        bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly", extra=extra))
        again = bench.monitor.request("INVITE")
        bench.monitor.respond(again, 200, sdp("192.0.2.60", direction="recvonly"))
        bench.monitor.request("ACK")
        answers = [message for message in bench.door.waiting() if not isinstance(message, Request)]
        assert line(answers[-1].body).muxed is bool(extra)
        bench.door.inside(success, "ACK")
