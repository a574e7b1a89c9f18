"""What passes between the two sides of a call that talks, and what does not."""

import pytest

from models.access import UnlockMethod
from models.call import DigitSource, EndedBy
from sip.media.engine import CALLER_END
from sip.sdp import Direction, parse
from tests.fakes.b2bua import OWNER, CallBench, plan, sdp, target
from tests.fakes.sip import answer

MEDIA_CONTROL = "application/media_control+xml"


@pytest.fixture
def bench() -> CallBench:
    return CallBench()


def test_a_hold_passes_and_so_does_its_answer(bench):
    success, _leg = bench.answered_call()
    offer = sdp("192.0.2.50", direction="sendonly")
    bench.door.inside(success, "INVITE", offer)
    bench.door.response(100)
    assert bench.door.quiet()  # not answered before the other side has
    reinvite = bench.monitor.request("INVITE")
    assert parse(reinvite.body).media[0].direction is Direction.SENDONLY
    assert parse(reinvite.body).version == "2"
    bench.monitor.respond(reinvite, 200, sdp("192.0.2.60", direction="recvonly"))
    bench.monitor.request("ACK")
    held = bench.door.response(200)
    assert parse(held.body).media[0].direction is Direction.RECVONLY
    assert parse(held.body).version == "2"
    bench.door.inside(held, "ACK")
    assert not bench.media.peers[CALLER_END, 0].receives
    bench.advance(40)
    assert bench.door.quiet()


def test_a_callee_may_offer_too_and_a_refusal_passes(bench):
    _success, leg = bench.answered_call()
    bench.monitor.inside(leg, "INVITE", sdp("192.0.2.60", port=4444))
    bench.monitor.response(100)
    bench.door.respond(bench.door.request("INVITE"), 488)
    bench.door.request("ACK")
    bench.monitor.response(488)
    assert bench.media.peers[0, 0].port == 4000  # as it was
    assert bench.b2bua.calls == 1


def test_an_update_locks_the_codec_at_the_other_side(bench):
    success, _ = bench.answered_call()
    bench.door.inside(success, "UPDATE", sdp("192.0.2.50", formats="8"))
    update = bench.monitor.request("UPDATE")
    assert parse(update.body).media[0].formats == ("8",)
    bench.monitor.respond(update, 200, sdp("192.0.2.60", formats="8"))
    assert parse(bench.door.response(200).body).media[0].formats == ("8",)


def test_an_update_becomes_a_reinvite_where_the_other_side_has_no_update(bench):
    _, leg = bench.answered_call()  # the door said nothing of UPDATE
    bench.monitor.inside(leg, "UPDATE", sdp("192.0.2.60", formats="8"))
    reinvite = bench.door.request("INVITE")
    bench.door.respond(reinvite, 200, sdp("192.0.2.50", formats="8"))
    bench.door.request("ACK")
    bench.monitor.response(200)


def test_an_update_without_a_description_is_only_a_refresh(bench):
    success, _ = bench.answered_call()
    bench.door.inside(success, "UPDATE")
    assert bench.door.response(200).body == b""
    assert bench.monitor.quiet()


def test_offers_that_collide(bench):
    success, leg = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50", direction="sendonly"))
    bench.door.response(100)
    passed = bench.monitor.request("INVITE")
    bench.monitor.inside(leg, "INVITE", sdp("192.0.2.60"))  # RFC 3261 §14.2: ours is open
    bench.monitor.response(100)
    bench.monitor.response(491)
    bench.monitor.inside(leg, "UPDATE", sdp("192.0.2.60"))
    bench.monitor.response(491)
    bench.door.inside(success, "INVITE", sdp("192.0.2.50"))  # theirs is open
    bench.door.response(100)
    assert bench.door.response(500).headers.get("Retry-After")
    bench.door.inside(success, "UPDATE", sdp("192.0.2.50"))
    assert bench.door.response(500).headers.get("Retry-After")
    bench.monitor.respond(passed, 491)
    bench.monitor.request("ACK")
    bench.door.response(491)  # whoever asked tries again
    bench.door.inside(success, "INVITE", sdp("192.0.2.50"))
    bench.door.response(100)
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.door.response(200)


@pytest.mark.parametrize("status", [408, 481])
def test_a_side_that_knows_nothing_of_the_dialog_ends_the_call(bench, status):
    success, _ = bench.answered_call()
    bench.door.inside(success, "INVITE", sdp("192.0.2.50"))
    bench.door.response(100)
    bench.monitor.respond(bench.monitor.request("INVITE"), status)
    bench.monitor.request("ACK")
    bench.door.response(500)
    bench.door.request("BYE")
    if status == 408:  # it may be there all the same
        bench.monitor.request("BYE")
    assert bench.monitor.quiet()


def test_a_reinvite_without_an_offer_asks_the_other_side(bench):
    success, _ = bench.answered_call()
    bench.door.inside(success, "INVITE")
    bench.door.response(100)
    asked = bench.monitor.request("INVITE")
    assert asked.body == b""
    bench.monitor.respond(asked, 200, sdp("192.0.2.60", port=4444))
    assert bench.monitor.quiet()  # its ACK must bring the answer
    offered = bench.door.response(200)
    assert parse(offered.body).media[0].port == bench.media.ports[CALLER_END, 0]
    bench.door.inside(offered, "ACK", sdp("192.0.2.50"))
    assert parse(bench.monitor.request("ACK").body).media[0].port == bench.media.ports[0, 0]
    assert bench.media.peers[0, 0].port == 4444


def test_an_ack_that_owes_an_answer_and_brings_none_ends_the_call(bench):
    success, _ = bench.answered_call()
    bench.door.inside(success, "INVITE")
    bench.door.response(100)
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.door.inside(bench.door.response(200), "ACK")
    assert parse(bench.monitor.request("ACK").body).media[0].rejected  # an offer is answered, if only to refuse it
    bench.monitor.request("BYE")
    bench.door.request("BYE")


def test_a_call_without_an_offer_gets_the_callees(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite(body=b"")
    leg = bench.monitor.request("INVITE")
    assert leg.body == b""
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    assert bench.monitor.quiet()
    success = bench.door.response(200)
    bench.door.inside(success, "ACK", sdp("192.0.2.50"))
    assert parse(bench.monitor.request("ACK").body).media[0].host == "192.0.2.1"
    assert bench.media.peers[CALLER_END, 0].host == "192.0.2.50"
    assert bench.media.peers[0, 0].host == "192.0.2.60"


def test_a_delayed_offer_of_a_loser_is_refused_in_its_ack(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user), target(bench.monitor_2.user)])
    bench.door.invite(body=b"")
    first, second = bench.monitor.request("INVITE"), bench.monitor_2.request("INVITE")
    bench.monitor.respond(first, 200, sdp("192.0.2.60"))
    bench.monitor_2.respond(second, 200, sdp("192.0.2.61"))
    assert parse(bench.monitor_2.request("ACK").body).media[0].rejected
    bench.monitor_2.request("BYE")


@pytest.mark.parametrize(
    ("content_type", "body"), [("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"), ("application/dtmf", b"5")]
)
def test_a_digit_by_info_opens_and_is_not_passed(bench, content_type, body):
    _, leg = bench.answered_call()
    bench.monitor.inside(leg, "INFO", body, Content_Type=content_type)
    bench.monitor.response(200)
    assert bench.door.quiet()
    assert bench.desk.opens == [(target(bench.monitor.user), "1", UnlockMethod.DTMF)]
    assert bench.desk.record.opened == ("1",)


def test_a_digit_in_rtp_opens_and_the_same_by_info_is_the_same(bench):
    _, leg = bench.answered_call()
    bench.media.listener.media_digit(0, "5")
    bench.advance(0.2)
    bench.monitor.inside(leg, "INFO", b"Signal=5", Content_Type="application/dtmf-relay")
    bench.monitor.response(200)
    assert len(bench.desk.opens) == 1
    assert bench.media.peers[0, 0].swallow_events
    assert not bench.media.peers[CALLER_END, 0].swallow_events


def test_the_visitors_own_digits_open_nothing(bench):
    success, _ = bench.answered_call()
    bench.media.listener.media_digit(CALLER_END, "5")
    bench.door.inside(success, "INFO", b"Signal=5", Content_Type="application/dtmf-relay")
    bench.door.response(200)
    assert bench.desk.opens == []
    assert bench.monitor.quiet()


def test_who_looks_at_a_door_opens_it_with_digits_of_their_own(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)], digits_from=DigitSource.CALLER)
    success, _ = bench.answered_call()
    bench.door.inside(success, "INFO", b"Signal=5", Content_Type="application/dtmf-relay")
    bench.door.response(200)
    assert bench.desk.opens == [(OWNER, "1", UnlockMethod.DTMF)]
    assert bench.media.peers[CALLER_END, 0].swallow_events


def test_a_refused_opening_is_not_in_the_row(bench):
    bench.desk.grants = False
    bench.answered_call()
    bench.media.listener.media_digit(0, "5")
    assert len(bench.desk.opens) == 1
    assert bench.desk.record.opened == ()


def test_a_key_frame_request_passes(bench):
    _, leg = bench.answered_call()
    bench.monitor.inside(leg, "INFO", b"<media_control/>", Content_Type=MEDIA_CONTROL)
    assert bench.monitor.quiet()
    info = bench.door.request("INFO")
    assert (info.content_type, info.body) == (MEDIA_CONTROL, b"<media_control/>")
    bench.door.respond(info, 200)
    bench.monitor.response(200)


@pytest.mark.parametrize(("status", "passed"), [(415, 415), (481, 500), (408, 500)])
def test_a_refused_key_frame_request_passes_too(bench, status, passed):
    _, leg = bench.answered_call()
    bench.monitor.inside(leg, "INFO", b"<media_control/>", Content_Type=MEDIA_CONTROL)
    bench.door.respond(bench.door.request("INFO"), status)
    bench.monitor.response(passed)


def test_what_is_refused_inside_a_dialog(bench):
    success, leg = bench.answered_call()
    bench.monitor.inside(leg, "INFO", b"x", Content_Type="text/plain")
    assert "dtmf-relay" in bench.monitor.response(415).headers.get("Accept")
    bench.monitor.inside(leg, "INFO")
    bench.monitor.response(200)
    bench.monitor.inside(leg, "REFER", Refer_To="<sip:101@edge>")
    bench.monitor.response(603)
    bench.monitor.inside(leg, "OPTIONS")
    bench.monitor.response(200)
    bench.monitor.inside(leg, "PRACK", RAck="1 1 INVITE")
    bench.monitor.response(481)
    bench.monitor.inside(leg, "MESSAGE", b"hi", Content_Type="text/plain")
    bench.monitor.response(405)
    bench.monitor.inside(leg, "SUBSCRIBE", Event="dialog")
    bench.monitor.response(489)
    assert bench.door.quiet()
    assert success.status == 200


def test_a_request_that_goes_back_in_number_is_500(bench):
    success, _ = bench.answered_call()
    bench.door.inside(success, "INFO")
    bench.door.response(200)
    bench.door.cseq -= 3
    bench.door.inside(success, "BYE")
    assert bench.door.response(500)
    assert bench.b2bua.calls == 1


def test_nobody_else_speaks_in_a_dialog(bench):
    success, _ = bench.answered_call()
    stranger = bench.peer(bench.app.user, "192.0.2.99")
    stranger.tag, stranger.cseq = bench.door.tag, bench.door.cseq
    bye = stranger.inside(success, "BYE")
    challenge = stranger.response(401)
    stranger.renew(bye)
    stranger.send(answer(bye, challenge, stranger.user, bench.accounts.passwords[stranger.user]))
    stranger.response(403)
    assert bench.b2bua.calls == 1


def test_requests_outside_any_dialog(bench):
    for method in ("BYE", "UPDATE", "INFO", "PRACK"):
        request = bench.door.outside(method, "101")
        request.headers.set("To", "<sip:101@edge>;tag=unknown")
        bench.door.send(request)
        bench.door.response(481)


def test_an_invitation_to_replace_a_dialog_is_refused(bench):
    bench.door.invite(Replaces="x;to-tag=a;from-tag=b")
    bench.door.response(481)


def test_an_invitation_of_ours_that_comes_back_is_a_loop(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite()
    token = bench.monitor.request("INVITE").headers.get("X-Edge-Path")
    bench.app.invite(X_Edge_Path=token)
    bench.app.response(482)


@pytest.mark.parametrize(("body", "status"), [(b"nonsense", 400), (sdp("192.0.2.50", port=0), 488)])
def test_an_offer_that_cannot_be_carried_is_refused(bench, body, status):
    bench.door.invite(body=body)
    bench.door.response(status)
    assert bench.desk.dialled == []


def test_video_goes_to_monitors_in_order_and_directly_within_a_group(bench):
    video = "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=rtcp-fb:* nack pli\r\n"
    bench.desk.plan_ = plan(
        [target(bench.monitor.user, group="g"), target(bench.monitor_2.user)], caller_group="g", relayed_audio=True
    )
    bench.door.invite(body=sdp("192.0.2.50", extra=video))
    near, far = (parse(p.request("INVITE").body).media for p in (bench.monitor, bench.monitor_2))
    assert [(m.kind, m.host) for m in near] == [("audio", "192.0.2.1"), ("video", "192.0.2.50")]
    assert [(m.kind, m.host) for m in far] == [("audio", "192.0.2.1"), ("video", "192.0.2.1")]
    assert not far[1].named("rtcp-fb")


def test_audio_goes_directly_within_a_group_where_nobody_needs_to_hear_digits(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user, group="g")], caller_group="g", relayed_audio=False)
    bench.door.invite()
    leg = bench.monitor.request("INVITE")
    assert parse(leg.body).media[0].host == "192.0.2.50"
    assert parse(leg.body).origin_host == "192.0.2.1"
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    assert parse(bench.door.response(200).body).media[0].host == "192.0.2.60"
    assert bench.media.ports == {}


def test_a_phone_that_comes_back_on_another_connection_is_found(bench):
    success, leg = bench.answered_call()
    old = bench.monitor.flow
    moved = bench.peer(bench.monitor.user, "192.0.2.66")
    bench.register(moved)
    bench.wire.dead.add(old)
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    assert moved.request("BYE").call_id == leg.call_id
    assert bench.desk.record.ended_by is EndedBy.VISITOR
