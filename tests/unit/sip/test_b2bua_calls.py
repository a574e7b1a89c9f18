"""Calls through the B2BUA as ladders: who is told what, in which order."""

import pytest

from edge.core.call_events import ServiceChanged
from models.call import CallOutcome, CallPlan, EndedBy, LegState, Refusal
from sip.media.engine import CALLER_END
from sip.message import Response
from sip.sdp import parse
from tests.fakes.b2bua import DOOR, CallBench, plan, sdp, target
from tests.fakes.sip import flow_to

MONITOR_LEG, SECOND_LEG = 0, 1


@pytest.fixture
def bench() -> CallBench:
    return CallBench()


def over(bench: CallBench) -> bool:
    """Nothing is left of any call."""
    return bench.b2bua.calls == 0 and bench.media.closed and not bench.b2bua._entries


def test_a_call_from_invite_to_bye(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite("2%23123")
    assert bench.desk.dialled == ["2#123"]
    invite = bench.monitor.request("INVITE")
    assert invite.uri == f"sip:{bench.monitor.user}@192.0.2.60:5060;ob;x=1"  # the Contact, untouched
    assert invite.headers.get("Max-Forwards") == "69"
    assert (invite.from_.display, invite.from_.uri) == ('Gate "A"', f"sip:{DOOR}@c-test")
    assert "P-Asserted-Identity" not in invite.headers
    offer = parse(invite.body)
    assert (offer.media[0].host, offer.media[0].port) == ("192.0.2.1", bench.media.ports[MONITOR_LEG, 0])
    bench.monitor.respond(invite, 180)
    assert bench.door.response(180).body == b""
    bench.monitor.respond(invite, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")  # at once, not when the door's comes
    success = bench.door.response(200)
    assert parse(success.body).media[0].port == bench.media.ports[CALLER_END, 0]
    assert bench.media.connected == [(CALLER_END, MONITOR_LEG)]
    bench.door.inside(success, "ACK")
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bye = bench.monitor.request("BYE")
    assert bench.b2bua.calls == 1
    bench.monitor.respond(bye, 200)
    assert over(bench)
    record = bench.desk.record
    assert (record.outcome, record.ended_by, record.status) == (CallOutcome.ANSWERED, EndedBy.VISITOR, 200)
    assert bench.desk.over == [record.id]
    assert len(bench.b2bua.ladder(record.id)) >= 12


def test_the_callee_hangs_up(bench):
    _, leg = bench.answered_call()
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    bench.door.respond(bench.door.request("BYE"), 200)
    assert over(bench)
    assert bench.desk.record.ended_by is EndedBy.CALLEE


@pytest.mark.parametrize(
    ("refusal", "status"), [(Refusal.BLOCKED, 403), (Refusal.UNKNOWN, 404), (Refusal.NOT_CONNECTED, 403)]
)
def test_a_refused_plan_is_a_row_and_a_status(bench, refusal, status):
    bench.desk.plan_ = CallPlan(refusal=refusal, status=status)
    invite = bench.door.invite()
    bench.door.ack_refusal(invite, bench.door.response(status))
    assert over(bench)
    assert (bench.desk.record.outcome, bench.desk.record.reason) == (CallOutcome.REFUSED, refusal)


def test_the_first_answer_wins_and_the_other_is_cancelled_with_the_reason(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)])
    bench.door.invite()
    first, second = bench.monitor.request("INVITE"), bench.monitor_2.request("INVITE")
    bench.monitor.respond(first, 180)
    bench.monitor_2.respond(second, 180)
    bench.door.response(180)
    assert bench.door.quiet()  # one early dialog, one 180
    bench.monitor.respond(first, 200, sdp("192.0.2.60"))
    cancel = bench.monitor_2.request("CANCEL")
    assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert cancel.via.branch == second.via.branch
    bench.monitor_2.respond(cancel, 200)
    bench.monitor_2.respond(second, 487)
    bench.monitor_2.request("ACK")
    assert [leg.state for leg in bench.desk.record.legs] == [LegState.ANSWERED, LegState.LOST]


def test_two_answers_in_the_same_instant(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)])
    bench.door.invite()
    first, second = bench.monitor.request("INVITE"), bench.monitor_2.request("INVITE")
    bench.monitor.respond(first, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    for _ in range(2):  # no provisional answer came, so no CANCEL is out (RFC 3261 §9.1)
        bench.monitor_2.respond(second, 200, sdp("192.0.2.61"))
    bench.monitor_2.request("ACK")
    bye = bench.monitor_2.request("BYE")
    bench.monitor_2.request("ACK")
    assert bench.monitor_2.quiet()
    bench.monitor_2.respond(bye, 200)
    bench.door.response(200)


def test_the_visitor_gives_up_before_any_answer(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.door.cancel(invite)
    bench.door.ack_refusal(invite, bench.door.response(487))
    assert bench.monitor.quiet()  # CANCEL waits for a provisional answer
    bench.monitor.respond(leg, 180)
    cancel = bench.monitor.request("CANCEL")
    assert "Reason" not in cancel.headers  # it leaves a missed call
    bench.monitor.respond(leg, 487)
    bench.monitor.request("ACK")
    assert over(bench)
    assert bench.desk.record.outcome is CallOutcome.CANCELLED


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    bench.door.response(180)
    bench.door.cancel(invite)
    bench.door.response(487)
    cancel = bench.monitor.request("CANCEL")
    success = bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.respond(cancel, 481)
    ack, bye = bench.monitor.request("ACK"), bench.monitor.request("BYE")
    assert ack.to_tag == bye.to_tag == bench.monitor.tag
    assert bench.b2bua.calls == 0  # the call is forgotten, and still:
    bench.monitor.send(success)
    bench.monitor.request("ACK")
    assert bench.monitor.quiet()
    bench.monitor.respond(bye, 200)


def test_an_answer_after_the_ring_time_is_hung_up_even_when_its_transaction_is_gone(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    bench.door.response(180)
    bench.advance(20)
    bench.door.response(480)
    bench.monitor.request("CANCEL")
    bench.advance(200)
    bench.wire.sent.clear()
    for _ in range(2):
        bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.monitor.request("BYE")
    bench.monitor.request("ACK")
    assert bench.monitor.quiet()


def test_a_forked_leg_has_several_early_dialogs_and_one_winner(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.81"), tag="one")
    early = bench.door.response(183)
    bench.monitor.respond(leg, 183, sdp("192.0.2.82"), tag="two")  # the first with media counts
    assert bench.door.quiet()
    assert bench.media.peers[MONITOR_LEG, 0].host == "192.0.2.81"
    bench.monitor.respond(leg, 200, sdp("192.0.2.82"), tag="two")
    assert bench.monitor.request("ACK").to_tag == "two"
    assert bench.door.response(200).to_tag == early.to_tag  # our description to the door has not changed
    assert bench.media.peers[MONITOR_LEG, 0].host == "192.0.2.82"
    bench.monitor.respond(leg, 200, sdp("192.0.2.81"), tag="one")
    assert [m.to_tag for m in bench.monitor.waiting()] == ["one", "one"]
    bench.monitor.request("ACK")
    bench.monitor.request("BYE")


def test_an_answer_unlike_the_early_media_is_another_dialog_to_the_door(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)], [target(bench.app.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    early = bench.door.response(183)
    bench.monitor.respond(leg, 486)
    bench.monitor.request("ACK")
    other = bench.app.request("INVITE")
    bench.app.respond(other, 180)
    assert bench.door.response(180).body == b""
    bench.app.respond(other, 200, sdp("192.0.2.70", formats="0 101"))
    success = bench.door.response(200)
    assert success.to_tag != early.to_tag
    bench.door.inside(success, "ACK")
    bench.door.inside(success, "BYE")
    bench.door.response(200)


def test_our_answer_is_repeated_until_its_ack_and_without_one_the_call_ends(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.advance(31.9)
    copies = [bench.door.response(200).render() for _ in bench.door.waiting()]
    assert len(copies) == 11  # at 0, .5, 1.5, 3.5, 7.5 and then every 4 s
    assert len(set(copies)) == 1
    bench.advance(0.2)
    assert bench.door.request("BYE")
    assert bench.monitor.request("BYE")


def test_the_ack_ends_the_repetitions_and_a_foreign_one_does_not(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    success = bench.door.response(200)
    stale = Response(200, None, success.headers.copy())
    stale.headers.set("CSeq", "999 INVITE")
    bench.door.inside(stale, "ACK")
    bench.advance(0.6)
    bench.door.response(200)
    bench.door.inside(success, "ACK")
    bench.advance(60)
    assert bench.door.quiet()


def test_each_repeated_2xx_of_the_leg_gets_the_same_ack_again(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    first = bench.monitor.request("ACK")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    assert bench.monitor.request("ACK").render() == first.render()


def test_bye_before_an_answer_gives_the_call_up(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    ringing = bench.door.response(180)
    bench.door.inside(ringing, "BYE")
    assert sorted(m.status for m in (bench.door.take(), bench.door.take())) == [200, 487]
    bench.monitor.request("CANCEL")
    assert bench.desk.record.outcome is CallOutcome.CANCELLED


def test_a_callee_that_says_bye_before_it_answered_has_failed(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60"))
    bench.door.response(183)
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    bench.monitor.request("CANCEL")
    bench.door.response(480)
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))  # and answers nevertheless
    bench.monitor.request("ACK")
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    assert over(bench)


def test_bye_before_the_ack(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bench.monitor.respond(bench.monitor.request("BYE"), 200)
    bench.advance(60)
    assert bench.door.quiet()  # nothing is repeated any more
    assert over(bench)


def test_a_bye_of_ours_waits_for_the_doors_ack(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    success = bench.door.response(200)
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    assert bench.door.quiet()  # RFC 3261 §15.1.1
    bench.door.inside(success, "ACK")
    bench.door.respond(bench.door.request("BYE"), 200)
    assert over(bench)


def test_byes_that_cross(bench):
    success, leg = bench.answered_call()
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bye = bench.monitor.request("BYE")
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(200)
    bench.monitor.respond(bye, 481)
    assert over(bench)
    bench.monitor.inside(leg, "BYE")
    bench.monitor.response(481)


def test_busy_redirect_and_decline(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)], redirect_to={bench.app.user: target(bench.app.user)})
    invite = bench.door.invite()
    leg = bench.monitor.request("INVITE")
    contacts = f"<sip:1234@example.com>, <sip:{bench.app.user}@c-test>"
    bench.monitor.respond(leg, 302, headers={"Contact": contacts})
    bench.monitor.request("ACK")
    other = bench.app.request("INVITE")
    bench.app.respond(other, 603)
    bench.app.request("ACK")
    bench.door.ack_refusal(invite, bench.door.response(603))
    assert [leg.state for leg in bench.desk.record.legs] == [LegState.REDIRECTED, LegState.DECLINED]
    assert over(bench)


def test_a_redirect_out_of_the_house_gets_no_packet(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)], redirect_to={bench.app.user: target(bench.app.user)})
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 302, headers={"Contact": f"<sip:{bench.app.user}@example.com>, <tel:+7495>"})
    bench.monitor.request("ACK")
    bench.door.response(480)
    assert bench.wire.sent == []


def test_a_dead_phone_rings_until_the_ring_time_and_the_next_stage_follows(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)], [target(bench.app.user)])
    bench.door.invite()
    bench.advance(19.9)
    assert {m.method for m in bench.monitor.waiting()} == {"INVITE"}
    assert bench.app.quiet()
    bench.advance(0.2)
    assert bench.app.request("INVITE")
    assert bench.desk.record.legs[0].state is LegState.TIMEOUT


def test_a_phone_whose_connection_is_gone_fails_at_once(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    original = bench.registrar.live
    bench.registrar.live = lambda user, now: ()  # between the reach and the ring
    bench.desk.reach = lambda target: [type("Ref", (), {"key": "gone", "description": ""})()]
    invite = bench.door.invite()
    bench.door.ack_refusal(invite, bench.door.response(480))
    bench.registrar.live = original
    assert over(bench)


def test_a_visitor_whose_connection_is_lost_has_gone(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    door = bench.peer(DOOR, "192.0.2.50")
    door.flow = flow_to("192.0.2.50", 40000, "TCP", 7)
    door.invite()
    bench.monitor.respond(bench.monitor.request("INVITE"), 180)
    bench.endpoint.connection_lost(door.flow)
    bench.monitor.request("CANCEL")
    assert bench.desk.record.outcome is CallOutcome.CANCELLED


def test_without_ports_the_leg_fails(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.media.ports_left = 1
    bench.door.invite()
    bench.door.response(480)
    assert bench.monitor.quiet()


@pytest.mark.parametrize("body", [b"", b"nonsense", sdp("192.0.2.60", port=0)])
def test_an_answer_without_a_usable_description_is_hung_up(bench, body):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 200, body)
    bench.monitor.request("ACK")
    bench.monitor.request("BYE")
    bench.door.response(480)


def test_the_service_of_the_apartment_ends_while_it_rings(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 180)
    bench.door.response(180)
    bench.b2bua.service_changed(bench.desk.record.id, ServiceChanged(Refusal.BLOCKED))
    bench.monitor.request("CANCEL")
    bench.door.response(403)


def test_silence_of_an_end_ends_the_call(bench):
    bench.answered_call()
    bench.media.listener.media_silent(MONITOR_LEG)
    bench.door.request("BYE")
    bench.monitor.request("BYE")
    assert bench.desk.record.ended_by is EndedBy.EDGE


async def test_the_daemon_stops(bench):
    bench.answered_call()
    bench.desk.plan_ = plan([target(bench.app.user)])
    ringing = bench.peer("10000003", "192.0.2.61")
    invite = ringing.invite()
    bench.app.respond(bench.app.request("INVITE"), 180)
    ringing.response(180)
    await bench.b2bua.end_all(within_s=0.02)
    assert bench.door.request("BYE")
    assert bench.monitor.request("BYE")
    assert bench.app.request("CANCEL")
    ringing.ack_refusal(invite, ringing.response(480))
    refused = bench.peer("10000004", "192.0.2.70")
    refused.invite()
    assert refused.response(503).headers.get("Retry-After")


async def test_a_daemon_that_stops_does_not_wait_for_an_ack(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.door.response(200)
    await bench.b2bua.end_all(within_s=0.02)
    bench.door.request("BYE")


VIDEO = "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"


@pytest.mark.parametrize("alone", [True, False])
def test_a_single_callee_sees_the_visitor_before_it_answers(bench, alone):
    """Its 183 brings the door's picture; of several none is chosen, so they see it when they answer."""
    legs = [target(bench.monitor.user), target(bench.monitor_2.user)]
    bench.desk.plan_ = plan(legs[:1] if alone else legs)
    bench.door.invite(body=sdp("192.0.2.50", extra=VIDEO))
    leg = bench.monitor.request("INVITE")
    bench.monitor.respond(leg, 183, sdp("192.0.2.60", extra=VIDEO + "a=recvonly\r\n"))
    if not alone:
        bench.door.response(180)
        assert bench.media.connected == []
        return
    audio, video = parse(bench.door.response(183).body).media
    assert (video.kind, video.port, video.direction.value) == ("video", bench.media.ports[CALLER_END, 1], "recvonly")
    assert bench.media.connected == [(CALLER_END, 0)]
    picture = bench.media.peers[0, 1]
    assert picture is not None
    assert (picture.host, picture.port, picture.receives) == ("192.0.2.60", 4002, True)
    assert audio.port == bench.media.ports[CALLER_END, 0]
