"""Traps that only a whole call shows: where ACKs go, what comes late, who is challenged when (docs/sip-traps.md)."""

import pytest

from models.call import CallOutcome, EndedBy
from sip.digest import parse_digest
from sip.message import Request, Response
from sip.sdp import parse
from sip.settings import TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, TRUNK_HOST, CallBench, plan, sdp, target
from tests.fakes.sip import flow_to

CHALLENGE = 'Digest realm="itsp", nonce="n1", algorithm=MD5, qop="auth"'
UPDATES = {"Allow": "INVITE, ACK, BYE, UPDATE, PRACK"}
UDP_BYTES_SAFE = 1300  # RFC 3261 §18.1.1


@pytest.fixture
def bench() -> CallBench:
    bench = CallBench()
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    return bench


@pytest.fixture
def abroad() -> CallBench:
    """A call goes to the trunk."""
    bench = CallBench(trunk=TrunkSettings(host=TRUNK_HOST, user="house"))
    bench.desk.plan_ = plan([LANDLINE])
    return bench


def test_our_2xx_is_repeated_over_tcp_too(bench):
    door = bench.peer(DOOR, "192.0.2.50")
    door.flow = flow_to("192.0.2.50", 40000, "TCP", 7)
    door.invite()
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.advance(8)
    copies = [door.response(200).render() for _ in door.waiting()]
    assert len(copies) == 5  # at 0, .5, 1.5, 3.5 and 7.5 s
    bench.advance(25)
    assert [m.method for m in door.waiting() if isinstance(m, Request)] == ["BYE"]


def test_the_ack_to_a_2xx_has_a_branch_of_its_own_and_goes_by_the_route_set(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    by_proxies = {"Record-Route": "<sip:p2.example;lr>, <sip:p1.example;lr>", "Contact": "<sip:m@10.0.0.9:5070>"}
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers=by_proxies)
    ack = bench.monitor.request("ACK")
    assert ack.via.branch != leg.via.branch
    assert ack.uri == "sip:m@10.0.0.9:5070"
    assert ack.headers.get_all("Route") == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]
    assert ack.cseq.number == leg.cseq.number


def test_the_ack_to_a_refusal_is_the_invites_own(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 486, headers={"Record-Route": "<sip:p1.example;lr>"})
    ack = bench.monitor.request("ACK")
    assert (ack.uri, ack.headers.get_all("Via")) == (leg.uri, leg.headers.get_all("Via"))
    assert ack.to_tag == bench.monitor.tag
    assert "Route" not in ack.headers


def test_a_strict_router_gets_our_bye_in_its_own_name(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    strict = {"Record-Route": "<sip:strict.example>", "Contact": "<sip:m@10.0.0.9:5070>"}
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers=strict)
    ack = bench.monitor.request("ACK")
    assert (ack.uri, ack.headers.get_all("Route")) == ("sip:strict.example", ["<sip:m@10.0.0.9:5070>"])


def test_hops_are_counted_through_the_edge_and_none_left_is_the_end(bench):
    bench.door.invite(Max_Forwards="7")
    assert bench.monitor.request("INVITE").max_forwards == 6
    invite = bench.door.outside("INVITE", "101", sdp("192.0.2.50"), Max_Forwards="0")
    bench.door.send(invite)
    bench.door.response(483)


def test_a_repeated_request_of_a_dialog_is_absorbed_before_its_number_is_judged(bench):
    success, _leg = bench.answered_call()
    info = bench.door.inside(success, "INFO", b"Signal=1", Content_Type="application/dtmf-relay")
    bench.door.response(200)
    bench.door.send(info)
    bench.door.response(200)  # not 500: its number has been here
    bench.door.cseq += 40  # gaps are allowed
    bench.door.inside(success, "INFO")
    bench.door.response(200)


# --- late and odd answers ---------------------------------------------------------------------------------------------


def test_late_provisional_answers_are_quiet(bench):
    _success, leg = bench.answered_call()
    for status in (100, 180, 183):
        bench.monitor.respond(leg, status, tag="" if status == 100 else None)
    assert bench.wire.sent == []
    assert bench.endpoint.counters["handler_errors"] == 0


def test_a_provisional_answer_after_cancel_is_quiet(bench):
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    bench.door.response(180)
    bench.door.cancel(invite)
    bench.door.response(487)
    bench.monitor.request("CANCEL")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    bench.monitor.respond(leg, 180, headers={"Require": "100rel", "RSeq": "1"})
    assert bench.wire.sent == []
    bench.monitor.respond(leg, 487)
    bench.monitor.request("ACK")
    assert bench.b2bua.calls == 0


def test_the_contact_of_the_2xx_counts_whatever_the_180_said(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180, headers={"Contact": "<sip:m@10.0.0.1>"})
    bench.door.response(180)
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers={"Contact": "<sip:m@10.0.0.2>"})
    assert bench.monitor.request("ACK").uri == "sip:m@10.0.0.2"
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    bench.door.inside(success, "BYE")
    assert bench.monitor.request("BYE").uri == "sip:m@10.0.0.2"


# --- 100rel -----------------------------------------------------------------------------------------------------------


def test_reliable_answers_are_taken_in_order_only(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")

    def reliable(number: int, status: int = 180) -> None:
        bench.monitor.respond(leg, status, headers={"Require": "100rel", "RSeq": str(number)})

    reliable(9)
    assert bench.monitor.request("PRACK").headers.get("RAck") == f"9 {leg.cseq.number} INVITE"
    for number in (11, 9, 8):  # one is missing, a repetition, an old one
        reliable(number)
    assert bench.monitor.quiet()
    reliable(10)
    assert bench.monitor.request("PRACK").headers.get("RAck") == f"10 {leg.cseq.number} INVITE"


def test_without_an_offer_nothing_goes_out_reliably_that_lacks_ours(bench):
    """RFC 3262 §5: the first reliable answer would have to bring the offer, which is not here before the 200."""
    bench.door.invite(body=b"", Require="100rel")
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    assert bench.door.quiet()
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    success = bench.door.response(200)
    bench.door.inside(success, "ACK", sdp("192.0.2.50"))
    bench.monitor.request("ACK")


def test_an_offer_in_a_prack_is_refused_and_the_answer_counts_as_acknowledged(bench):
    bench.door.invite(Require="100rel")
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    ringing = bench.door.response(180)
    rack = f"{ringing.headers.get('RSeq')} {ringing.cseq.number} INVITE"
    bench.door.inside(ringing, "PRACK", sdp("192.0.2.50"), RAck=rack)
    bench.door.response(488)
    bench.advance(10)
    assert bench.door.quiet()


def test_who_requires_100rel_gets_no_call_without_an_offer(bench):
    bench.door.invite(body=b"")
    bench.monitor.respond(bench.monitor.request("INVITE"), 421, headers={"Require": "100rel"})
    bench.monitor.request("ACK")
    assert bench.monitor.quiet()
    bench.door.response(480)


# --- session timers ---------------------------------------------------------------------------------------------------


def refreshing(bench: CallBench) -> Response:
    """A call whose callee wants us to refresh every 90 s."""
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    timer = {"Session-Expires": "90;refresher=uac", "Require": "timer", **UPDATES}
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers=timer)
    bench.monitor.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    return success


def test_a_refresh_that_is_too_brief_is_sent_again_with_the_least(bench):
    refreshing(bench)
    bench.advance(45.1)
    bench.monitor.respond(bench.monitor.request("UPDATE"), 422, headers={"Min-SE": "200"})
    again = bench.monitor.request("UPDATE")
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("200;refresher=uac", "200")
    bench.monitor.respond(again, 200, headers={"Session-Expires": "200;refresher=uac"})
    bench.advance(99.9)
    assert bench.monitor.quiet()
    bench.advance(0.2)
    bench.monitor.respond(bench.monitor.request("UPDATE"), 422, headers={"Min-SE": "200"})  # no more than we asked
    assert bench.monitor.quiet()


def test_a_refresh_that_nobody_answers_ends_the_call_on_both_sides(bench):
    refreshing(bench)
    bench.advance(45.1)
    bench.advance(33)
    assert {m.method for m in bench.monitor.waiting()} == {"UPDATE", "BYE"}
    assert bench.door.request("BYE")
    assert bench.desk.record.ended_by is EndedBy.CALLEE


@pytest.mark.parametrize("status", [500, 503])
def test_a_refresh_that_is_refused_does_not_end_the_call(bench, status):
    refreshing(bench)
    bench.advance(45.1)
    bench.monitor.respond(bench.monitor.request("UPDATE"), status)
    bench.advance(10.1)
    bench.monitor.respond(bench.monitor.request("UPDATE"), 200, headers={"Session-Expires": "90;refresher=uac"})
    assert bench.b2bua.calls == 1


def test_each_leg_has_its_own_session_timer(bench):
    success = refreshing(bench)
    assert "Session-Expires" not in success.headers
    bench.advance(45.1)
    bench.monitor.request("UPDATE")
    assert bench.door.quiet()


# --- transports -------------------------------------------------------------------------------------------------------


def test_a_device_on_tls_is_rung_down_its_own_connection_and_never_dialled(bench):
    monitor = bench.peer(bench.monitor.user, "203.0.113.7")
    monitor.flow = flow_to("203.0.113.7", 41000, "TLS", 5)
    bench.register(monitor, contact="sip:m@10.0.0.5:5061;transport=tls")
    bench.wire.route = lambda *_: pytest.fail("a connection was opened to a device")
    bench.door.invite()
    invite = monitor.request("INVITE")
    assert invite.uri == "sip:m@10.0.0.5:5061;transport=tls"
    assert invite.contact.sip.param("transport") == "tls"
    monitor.respond(invite, 200, sdp("203.0.113.7"))
    monitor.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "BYE")
    monitor.request("BYE")


def test_an_invite_to_a_device_fits_into_one_datagram(bench):
    video = "m=video 4002 RTP/AVP 99 97\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 profile-level-id=42e01f\r\n"
    many = "0 3 8 9 18 96 101"
    bench.door.invite(body=sdp("192.0.2.50", formats=many, extra=video))
    assert len(bench.monitor.request("INVITE").render()) < UDP_BYTES_SAFE


# --- the trunk's challenges -------------------------------------------------------------------------------------------


def challenged(bench: CallBench, method: str, challenge: str = CHALLENGE) -> None:
    """The provider challenges a request of ours and gets it again with a new number, a new branch and credentials."""
    first = bench.provider.request(method)
    bench.provider.respond(first, 407, headers={"Proxy-Authenticate": challenge})
    if method == "INVITE":
        bench.provider.request("ACK")
    again = bench.provider.waiting()[0]
    assert again.cseq.number == first.cseq.number + 1
    assert again.via.branch != first.via.branch
    assert parse_digest(again.headers.get("Proxy-Authorization"))["nonce"] == parse_digest(challenge)["nonce"]


def test_the_trunk_may_challenge_whatever_we_send(abroad):
    bench = abroad
    bench.door.invite()
    challenged(bench, "INVITE")
    invite = bench.provider.request("INVITE")
    bench.provider.respond(invite, 183, headers={"Require": "100rel", "RSeq": "5"})
    challenged(bench, "PRACK", CHALLENGE.replace("n1", "n2"))
    prack = bench.provider.request("PRACK")
    assert prack.headers.get("RAck") == f"5 {invite.cseq.number} INVITE"
    bench.provider.respond(prack, 200)
    bench.provider.respond(invite, 200, sdp(TRUNK_HOST), headers=UPDATES)
    bench.provider.request("ACK")
    bench.door.response(180)
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    for method, nonce in (("INVITE", "n3"), ("UPDATE", "n4")):
        bench.door.inside(success, method, sdp("192.0.2.50", direction="sendonly"))
        if method == "INVITE":
            bench.door.response(100)
        challenged(bench, method, CHALLENGE.replace("n1", nonce))
        bench.provider.respond(bench.provider.request(method), 200, sdp(TRUNK_HOST, direction="recvonly"))
        if method == "INVITE":
            bench.provider.request("ACK")
        passed = bench.door.response(200)
        if method == "INVITE":
            bench.door.inside(passed, "ACK")
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    challenged(bench, "BYE", CHALLENGE.replace("n1", "n5"))
    bench.provider.respond(bench.provider.request("BYE"), 200)
    assert bench.b2bua.calls == 0
    assert bench.desk.record.outcome is CallOutcome.ANSWERED


def test_the_trunk_learns_nothing_that_a_device_says_of_itself(abroad):
    abroad.door.invite(
        P_Asserted_Identity="<sip:president@house>", P_Preferred_Identity="<sip:me@house>", User_Agent="Panel 9"
    )
    text = abroad.provider.request("INVITE").render()
    for secret in (b"president", b"me@house", b"Panel", b"Gate", DOOR.encode()):
        assert secret not in text


def test_devices_are_told_no_asserted_identity(bench):
    bench.door.invite(P_Asserted_Identity="<sip:president@house>")
    assert "P-Asserted-Identity" not in bench.monitor.request("INVITE").headers


def test_a_hold_before_the_answer_of_a_forked_leg_is_not_ours_to_pass(bench):
    """An offer inside an early dialog of a callee waits for a confirmed one: 500 with Retry-After (RFC 3311 §5.2)."""
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"), tag="one")
    early = bench.door.response(183)
    bench.door.inside(early, "UPDATE", sdp("192.0.2.50", direction="sendonly"))
    assert bench.door.response(500).headers.get("Retry-After")
    assert parse(early.body).media[0].direction.value == "sendrecv"
