"""Session timers: the tables of RFC 4028, and calls that keep or lose their session."""

import pytest

from sip.message import Headers, Request, Response
from sip.session_timer import MIN_SE_S, SessionKeeper, Terms, terms_of_answer, terms_of_request, too_small
from tests.fakes.b2bua import CallBench, plan, sdp, target
from tests.fakes.sip import FakeTimers


def invite(value: str | None, *, supported: str = "timer") -> Request:
    headers = Headers([("Supported", supported)])
    if value is not None:
        headers.add("Session-Expires", value)
    return Request("INVITE", "sip:x@y", headers)


@pytest.mark.parametrize(
    ("value", "supported", "terms"),
    [
        (None, "timer", None),
        ("nonsense", "timer", None),
        ("1800", "timer", Terms(1800, we_refresh=False)),
        ("1800;refresher=uac", "timer", Terms(1800, we_refresh=False)),
        ("1800;refresher=uas", "timer", Terms(1800, we_refresh=True)),
        (" 1800 ;x=1; Refresher=UAS", "timer", Terms(1800, we_refresh=True)),
        ("1800", "", Terms(1800, we_refresh=True)),  # who has no timers cannot refresh
    ],
)
def test_what_we_agree_to_as_the_called_side(value, supported, terms):
    assert terms_of_request(invite(value, supported=supported)) == terms


def test_what_an_answer_says():
    response = Response(200, headers=Headers([("Session-Expires", "1800;refresher=uac")]))
    assert terms_of_answer(response) == Terms(1800, we_refresh=True)
    response.headers.set("Session-Expires", "10;refresher=uas")
    assert terms_of_answer(response) == Terms(MIN_SE_S, we_refresh=False)
    assert terms_of_answer(Response(200)) is None


def test_less_than_the_minimum_is_too_small():
    assert too_small(invite("89"))
    assert not too_small(invite("90"))
    assert not too_small(invite(None))


def test_when_it_is_due():
    assert Terms(1800, we_refresh=True).due_s == 900
    assert Terms(1800, we_refresh=False).due_s == 1768
    assert Terms(90, we_refresh=False).due_s == 60


def test_a_refresh_that_meets_a_collision_is_tried_again_until_the_session_expires():
    timers, told = FakeTimers(), []
    keeper = SessionKeeper(
        timers, lambda: (told.append("refresh"), keeper.refresh_failed()), lambda: told.append("end")
    )
    keeper.agreed(Terms(90, we_refresh=True))
    timers.advance(300)
    assert told == ["refresh", "refresh", "end"]  # at 45 and 55 s; over after 60
    assert timers.pending == 0


@pytest.fixture
def bench() -> CallBench:
    return CallBench()


def test_a_session_interval_that_is_too_small_is_refused(bench):
    bench.door.invite(Session_Expires="60", Supported="timer")
    refused = bench.door.response(422)
    assert refused.headers.get("Min-SE") == "90"
    assert bench.desk.dialled == []


def ringing_call(bench: CallBench, **headers: str) -> Response:
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    bench.door.invite(**headers)
    bench.monitor.respond(bench.monitor.request("INVITE"), 200, sdp("192.0.2.60"))
    bench.monitor.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    return success


def test_a_caller_that_refreshes_keeps_its_session_and_one_that_stops_loses_it(bench):
    success = ringing_call(bench, Session_Expires="90", Supported="timer")
    assert success.headers.get("Session-Expires") == "90;refresher=uac"
    assert success.headers.get("Require") == "timer"
    for _ in range(4):
        bench.advance(45)
        bench.door.inside(success, "UPDATE", Session_Expires="90;refresher=uac", Supported="timer")
        assert bench.door.response(200).headers.get("Session-Expires") == "90;refresher=uac"
    bench.advance(59)
    assert bench.door.quiet()
    bench.advance(2)
    bench.door.request("BYE")
    bench.monitor.request("BYE")


def test_we_refresh_a_caller_that_asks_for_it(bench):
    ringing_call(bench, Session_Expires="90;refresher=uas", Supported="timer", Allow="INVITE, ACK, BYE, UPDATE")
    bench.advance(45.1)
    refresh = bench.door.request("UPDATE")
    assert refresh.body == b""
    assert refresh.headers.get("Session-Expires") == "90;refresher=uac"
    bench.door.respond(refresh, 200, headers={"Session-Expires": "90;refresher=uac"})
    bench.advance(45.1)
    bench.door.respond(bench.door.request("UPDATE"), 500)
    bench.advance(10.1)
    bench.door.respond(bench.door.request("UPDATE"), 481)  # it knows nothing of the call any more
    bench.monitor.request("BYE")
    assert bench.door.quiet()


def test_we_refresh_by_reinvite_where_the_peer_has_no_update(bench):
    success = ringing_call(bench, Session_Expires="90;refresher=uas", Supported="timer", Allow="INVITE, ACK, BYE")
    bench.advance(45.1)
    refresh = bench.door.request("INVITE")
    assert refresh.body == success.body  # the same description, so the same version
    bench.door.respond(refresh, 200, sdp("192.0.2.50"), headers={"Session-Expires": "90;refresher=uac"})
    bench.door.request("ACK")
    assert bench.monitor.quiet()
