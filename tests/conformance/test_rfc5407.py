"""The race catalogue of RFC 5407, each of its figures at the B2BUA, which is a callee to the door and a caller to the
monitor. Where the figure's UA may be either, both are here."""

import pytest

from models.call import CallOutcome, EndedBy
from sip.message import Request, Response
from sip.sdp import Direction, parse
from tests.fakes.b2bua import CallBench, plan, sdp, target

LEG = 0


@pytest.fixture
def bench() -> CallBench:
    bench = CallBench()
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    return bench


def unconfirmed(bench: CallBench) -> tuple[Request, Response, Request]:
    """A call whose 200 is out and whose ACK has not come: the door's INVITE, its 200, the monitor's INVITE."""
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    return invite, bench.door.response(200), leg


def over(bench: CallBench) -> bool:
    return bench.b2bua.calls == 0 and bench.media.closed and not bench.b2bua._entries


# --- 3.1 messages in the Moratorium state: our 2xx is out, its ACK is not here ----------------------------------------


def test_3_1_1_the_initial_invite_again(bench):
    invite, success, _leg = unconfirmed(bench)
    bench.door.send(invite)
    assert bench.door.quiet()  # absorbed (RFC 6026); the 2xx repeats by its own clock
    bench.advance(0.6)
    assert bench.door.response(200).render() == success.render()
    bench.door.inside(success, "ACK")
    bench.advance(40)
    assert bench.door.quiet()
    assert bench.b2bua.calls == 1


def test_3_1_2_cancel_crosses_our_2xx(bench):
    invite, success, _leg = unconfirmed(bench)
    bench.door.cancel(invite)  # it gets its 200, and changes nothing
    assert bench.door.quiet()
    assert bench.monitor.quiet()
    bench.door.inside(success, "ACK")
    bench.door.inside(success, "BYE")  # so the caller has to hang up
    bench.door.response(200)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    assert over(bench)


def test_3_1_2_our_cancel_crosses_a_2xx(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)])
    bench.door.invite()
    first, second = bench.monitor.request("INVITE"), bench.monitor_2.request("INVITE")
    bench.monitor_2.respond(second, 180)
    bench.monitor.respond(first, 200, sdp("192.0.2.60"))
    cancel = bench.monitor_2.request("CANCEL")
    bench.monitor_2.respond(second, 200, sdp("192.0.2.61"))
    bench.monitor_2.respond(cancel, 200)
    bench.monitor_2.request("ACK")
    bench.monitor_2.request("BYE")


def test_3_1_3_an_early_bye_crosses_our_2xx(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    ringing = bench.door.response(180)
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(ringing, "BYE")  # sent before that 200 was there
    bench.door.response(200)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    bench.door.inside(success, "ACK")  # the 2xx is acknowledged all the same, quietly
    bench.advance(40)
    assert bench.door.quiet()
    assert over(bench)
    assert bench.desk.record.ended_by is EndedBy.VISITOR


def test_3_1_4_a_reinvite_whose_ack_was_lost_is_taken(bench):
    """Case 1: the 2xx carried the answer, so nothing collides, and who sends this has the 2xx."""
    _invite, success, _leg = unconfirmed(bench)
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    assert parse(passed.body).media[0].direction is Direction.SENDONLY
    bench.monitor.respond(passed, 200, sdp("192.0.2.60", direction="recvonly"))
    bench.monitor.request("ACK")
    held = bench.door.response(200)
    bench.door.inside(success, "ACK")  # the first one, late
    bench.door.inside(held, "ACK")
    bench.advance(40)
    assert bench.door.quiet()
    assert bench.b2bua.calls == 1


def test_3_1_5_a_reinvite_while_its_answer_is_owed_collides(bench):
    """Case 2: the 2xx carried an offer, which the lost ACK would have answered."""
    bench.door.invite(body=b"")
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    success = bench.door.response(200)
    bench.door.inside(success, "INVITE", sdp("192.0.2.50"))
    bench.door.response(100)
    bench.door.response(491)
    bench.advance(0.6)
    assert bench.door.response(200).cseq == success.cseq
    bench.door.inside(success, "ACK", sdp("192.0.2.50"))
    bench.monitor.request("ACK")
    assert bench.b2bua.calls == 1


def test_3_1_6_a_bye_whose_ack_was_lost(bench):
    _invite, success, _leg = unconfirmed(bench)
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    bench.advance(40)
    assert bench.door.quiet()
    assert over(bench)


# --- 3.2 messages in the Mortal state: a BYE is out -------------------------------------------------------------------


def mortal(bench: CallBench) -> tuple[Response, Request, Request]:
    """The door hung up, our BYE to the monitor is out: the door's 200, the monitor's INVITE, and that BYE."""
    success, leg = bench.answered_call()
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    return success, leg, bench.monitor.request("BYE")


def test_3_2_1_bye_crosses_bye(bench):
    _success, leg, bye = mortal(bench)
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    bench.monitor.respond(bye, 200)
    assert over(bench)


def test_3_2_2_a_reinvite_crosses_our_bye(bench):
    _success, leg, bye = mortal(bench)
    bench.monitor.inside(leg, "INVITE", sdp("192.0.2.60"))
    bench.monitor.response(100)
    bench.monitor.response(481)
    bench.monitor.respond(bye, 200)
    assert over(bench)


def test_3_2_3_a_2xx_to_our_reinvite_crosses_our_bye(bench):
    success, _leg = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    bench.door.inside(success, "BYE")
    assert sorted(bench.door.take().status for _ in range(2)) == [200, 487]  # the BYE, and what it overtook
    bye = bench.monitor.request("BYE")
    bench.monitor.respond(passed, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")  # a 2xx always gets one
    bench.monitor.respond(passed, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.monitor.respond(bye, 200)
    assert over(bench)


async def test_3_2_4_an_ack_comes_after_our_bye(bench):
    _invite, success, _leg = unconfirmed(bench)
    await bench.b2bua.end_all(within_s=0.02)  # only a daemon that stops does not wait for it
    bye = bench.door.request("BYE")
    bench.door.inside(success, "ACK")
    assert bench.door.quiet()
    bench.door.respond(bye, 200)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    assert over(bench)


# --- 3.3 other races --------------------------------------------------------------------------------------------------


def test_3_3_1_reinvites_cross_and_both_come_again(bench):
    success, leg = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    bench.monitor.inside(leg, "INVITE", sdp("192.0.2.60"))
    bench.monitor.response(100)
    bench.monitor.response(491)
    bench.monitor.respond(passed, 491)
    bench.monitor.request("ACK")
    bench.door.response(491)
    for _ in range(2):  # first one, then the other
        bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
        bench.door.response(100)
        bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60", direction="recvonly"))
        bench.monitor.request("ACK")
        bench.door.inside(bench.door.response(200), "ACK")
        bench.monitor.inside(leg, "INVITE", sdp("192.0.2.60"))
        bench.monitor.response(100)
        bench.door.respond(bench.door.request("INVITE"), 200, sdp("192.0.2.50"))
        bench.door.request("ACK")
        bench.monitor.inside(bench.monitor.response(200), "ACK")


@pytest.mark.parametrize(("owner", "low_s", "high_s"), [("door", 0.0, 2.0), ("monitor", 2.1, 4.0)])
def test_3_3_1_a_refresh_of_ours_that_crossed_one_waits_by_who_owns_the_call_id(bench, owner, low_s, high_s):
    timer = {"Session-Expires": "90;refresher=uac", "Require": "timer", "Allow": "INVITE, ACK, BYE, UPDATE"}
    asked = {"Session_Expires": "90;refresher=uas", "Supported": "timer", "Allow": "INVITE, ACK, BYE, UPDATE"}
    bench.door.invite(**(asked if owner == "door" else {}))
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers=timer if owner == "monitor" else {})
    bench.monitor.request("ACK")
    bench.door.inside(bench.door.response(200), "ACK")
    peer = getattr(bench, owner)
    bench.advance(45.001)
    peer.respond(peer.request("UPDATE"), 491)
    bench.advance(max(0.0, low_s - 0.01))
    assert low_s == 0 or peer.quiet()
    bench.advance(high_s - low_s + 0.02)
    peer.request("UPDATE")


def test_3_3_2_update_crosses_reinvite(bench):
    success, leg = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    bench.monitor.inside(leg, "UPDATE", sdp("192.0.2.60"))
    bench.monitor.response(491)
    bench.monitor.respond(passed, 200, sdp("192.0.2.60", direction="recvonly"))
    bench.monitor.request("ACK")
    bench.door.inside(bench.door.response(200), "ACK")
    bench.monitor.inside(leg, "UPDATE", sdp("192.0.2.60"))  # it comes again and passes
    bench.door.respond(bench.door.request("INVITE"), 200, sdp("192.0.2.50"))
    bench.door.request("ACK")
    bench.monitor.response(200)


@pytest.mark.parametrize("method", ["REFER", "INFO", "UPDATE"])
def test_3_3_3_a_request_crosses_our_bye(bench, method):
    _success, leg, bye = mortal(bench)
    bench.monitor.inside(leg, method, Refer_To="<sip:101@edge>")
    bench.monitor.response(481)
    bench.monitor.respond(bye, 200)
    assert over(bench)


# --- the appendices ---------------------------------------------------------------------------------------------------


def test_a_bye_in_the_early_dialog(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    bench.door.inside(bench.door.response(180), "BYE")
    assert sorted((m.status, m.cseq.method) for m in (bench.door.take(), bench.door.take())) == [
        (200, "BYE"),
        (487, "INVITE"),
    ]
    bench.monitor.respond(bench.monitor.request("CANCEL"), 200)
    bench.monitor.respond(leg, 487)
    bench.monitor.request("ACK")
    assert over(bench)
    assert bench.desk.record.outcome is CallOutcome.CANCELLED


def test_b_bye_overlaps_a_reinvite(bench):
    """Whoever hangs up while a re-INVITE is open: every request gets its answer, and nothing stays."""
    success, leg = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    assert bench.door.response(487).cseq.method == "INVITE"
    bench.door.respond(bench.door.request("BYE"), 200)
    bench.monitor.respond(passed, 487)
    bench.monitor.request("ACK")
    assert over(bench)


def test_c_cancel_comes_before_any_provisional_answer(bench):
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.door.cancel(invite)
    bench.door.ack_refusal(invite, bench.door.response(487))
    assert bench.monitor.quiet()
    bench.monitor.respond(leg, 100, tag="")
    bench.monitor.request("CANCEL")


def test_d_a_refused_request_in_the_mortal_state_changes_nothing(bench):
    _success, leg, _bye = mortal(bench)
    bench.monitor.inside(leg, "INFO")
    bench.monitor.response(481)
    bench.advance(33)  # and the BYE is never answered
    assert {m.method for m in bench.monitor.waiting()} == {"BYE"}
    assert over(bench)


def test_e_a_new_to_tag_after_the_winner(bench):
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180, tag="one")
    bench.monitor.respond(leg, 180, tag="two")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), tag="one")
    bench.monitor.request("ACK")
    bench.monitor.respond(leg, 180, tag="three")  # late, of another fork
    bench.monitor.respond(leg, 200, sdp("192.0.2.61"), tag="two")
    assert bench.monitor.request("ACK").to_tag == "two"
    bye = bench.monitor.request("BYE")
    assert bye.to_tag == "two"
    bench.monitor.respond(bye, 200, tag="")
    assert bench.b2bua.calls == 1
