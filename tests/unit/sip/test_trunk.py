"""The trunk: challenges, registration with back-off, and what the provider learns."""

import asyncio
from collections.abc import Sequence

import pytest

from models.call import Caller, CallPlan, LegState, Refusal
from sip.digest import parse_digest
from sip.flow import Destination
from sip.message import response_to
from sip.settings import TrunkSettings
from sip.trunk import RETRY_FIRST_S, Trunk
from tests.fakes.b2bua import DOOR, LANDLINE, TRUNK_HOST, CallBench, plan, sdp, target
from tests.fakes.sip import Bench, flow_to

ACCOUNT = TrunkSettings(host=TRUNK_HOST, user="house")
CHALLENGE = 'Digest realm="itsp", nonce="n1", algorithm=MD5, qop="auth"'


@pytest.fixture
def bench() -> CallBench:
    bench = CallBench(trunk=ACCOUNT)
    bench.desk.plan_ = plan([LANDLINE])
    return bench


def test_a_challenge_is_answered_with_a_new_number_and_branch(bench):
    bench.door.invite()
    first = bench.provider.request("INVITE")
    assert first.uri == f"sip:+74951234567@{TRUNK_HOST}"
    assert first.from_.uri == f"sip:house@{TRUNK_HOST}"
    assert first.headers.get("P-Asserted-Identity") == f"<sip:house@{TRUNK_HOST}>"
    text = first.render()
    assert b"Gate" not in text
    assert DOOR.encode() not in text
    bench.provider.respond(first, 407, headers={"Proxy-Authenticate": CHALLENGE})
    bench.provider.request("ACK")
    second = bench.provider.request("INVITE")
    assert parse_digest(second.headers.get("Proxy-Authorization"))["username"] == "house"
    assert (second.call_id, second.from_tag) == (first.call_id, first.from_tag)
    assert second.cseq.number == first.cseq.number + 1
    assert second.via.branch != first.via.branch
    bench.provider.respond(second, 200, sdp(TRUNK_HOST))
    bench.provider.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    bench.door.inside(success, "BYE")
    bench.door.response(200)
    bye = bench.provider.request("BYE")
    assert "Proxy-Authorization" in bye.headers
    bench.provider.respond(bye, 407, headers={"Proxy-Authenticate": CHALLENGE.replace("n1", "n2") + ", stale=true"})
    again = bench.provider.request("BYE")
    assert parse_digest(again.headers.get("Proxy-Authorization"))["nonce"] == "n2"
    bench.provider.respond(again, 200)
    assert bench.b2bua.calls == 0


def test_a_wrong_password_is_tried_once(bench):
    bench.door.invite()
    for _ in range(2):
        bench.provider.respond(bench.provider.request("INVITE"), 407, headers={"Proxy-Authenticate": CHALLENGE})
        bench.provider.request("ACK")
    assert bench.provider.quiet()
    bench.door.response(480)
    assert bench.desk.record.legs[0].state is LegState.FAILED


@pytest.mark.parametrize("status", [486, 503, 600, 603])
def test_every_failure_ends_only_the_leg(bench, status):
    bench.desk.plan_ = plan([LANDLINE, target(bench.monitor.user)])
    bench.door.invite()
    bench.provider.respond(bench.provider.request("INVITE"), status)
    bench.provider.request("ACK")
    assert bench.monitor.request("INVITE")
    assert bench.b2bua.calls == 1


def test_a_landline_gets_no_picture(bench):
    video = "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
    bench.door.invite(body=sdp("192.0.2.50", extra=video))
    assert b"m=video 0 RTP/AVP 99" in bench.provider.request("INVITE").body


def test_a_dialog_goes_where_the_provider_says(bench):
    bench.door.invite()
    invite = bench.provider.request("INVITE")
    media_gateway = {"Contact": "<sip:gw@198.51.100.99:5070>"}
    bench.provider.respond(invite, 200, sdp("198.51.100.99"), headers=media_gateway)
    flow, data = bench.wire.sent[0]
    assert data.startswith(b"ACK sip:gw@198.51.100.99:5070 ")
    assert (flow.remote.host, flow.remote.port) == ("198.51.100.99", 5070)


def test_an_outside_caller_is_planned_by_its_asserted_number(bench):
    bench.desk.plan_ = CallPlan(refusal=Refusal.NOT_ALLOWED, status=403)
    invite = bench.provider.outside(
        "INVITE", "house", sdp(TRUNK_HOST), P_Asserted_Identity='"X" <sip:+74957654321@itsp>'
    )
    bench.provider.send(invite)
    bench.provider.response(100)
    bench.provider.response(403)
    assert bench.desk.callers == [Caller(None, trunk_number="+74957654321")]


def test_who_only_claims_to_be_the_trunk_is_challenged(bench):
    stranger = bench.peer("trunk", "203.0.113.9")
    stranger.send(stranger.outside("INVITE", "house", sdp("203.0.113.9")))
    stranger.response(401)
    assert bench.desk.callers == []


# --- registration ---------------------------------------------------------------------------------------------------


class Registering:
    """A trunk that wants a registration, on a bench."""

    def __init__(self, **settings: object) -> None:
        self.bench = Bench()
        account = TrunkSettings(host=TRUNK_HOST, user="house", register=True, **settings)  # type: ignore[arg-type]
        self.trunk = Trunk(account, "pw", self.bench.endpoint)
        self.bench.endpoint.vouch = self.trunk.vouch
        assert self.trunk.registration is not None
        self.registration = self.trunk.registration

    def answer(self, status: int, **headers: str) -> None:
        request = self.bench.wire.request()
        assert request.method == "REGISTER"
        response = response_to(request, status, to_tag="r")
        for name, value in headers.items():
            response.headers.set(name.replace("_", "-"), value)
        self.bench.receive(response, flow_to(TRUNK_HOST, 5060))
        self.last = request


def test_register_is_challenged_refreshed_and_ends():
    lab = Registering()
    lab.registration.begin()
    assert not lab.trunk.up
    lab.answer(401, WWW_Authenticate=CHALLENGE)
    assert lab.last.uri == f"sip:{TRUNK_HOST}"
    lab.answer(200, Contact="<sip:other@x>;expires=5, <sip:house@192.0.2.1>;expires=300", Service_Route="<sip:sr;lr>")
    assert lab.trunk.up
    assert lab.trunk.routes == ("<sip:sr;lr>",)
    assert "Authorization" in lab.last.headers
    lab.bench.timers.advance(239)
    assert lab.bench.wire.sent == []
    lab.bench.timers.advance(1.2)
    call_id, number = lab.last.call_id, lab.last.cseq.number
    lab.answer(200, Expires="300")
    assert (lab.last.call_id, lab.last.cseq.number) == (call_id, number + 1)


def test_a_refused_registration_backs_off():
    lab = Registering()
    lab.registration.begin()
    gaps = []
    for _ in range(4):
        lab.answer(403)
        before = lab.bench.timers.now
        while not lab.bench.wire.sent:
            lab.bench.timers.advance(0.5)
        gaps.append(lab.bench.timers.now - before)
    assert not lab.trunk.up
    for step, gap in enumerate(gaps):
        assert 0.8 * RETRY_FIRST_S * 2**step <= gap <= 1.2 * RETRY_FIRST_S * 2**step + 0.5


def test_a_longer_expiry_is_taken_where_the_provider_wants_it():
    lab = Registering()
    lab.registration.begin()
    lab.answer(423, Min_Expires="1800")
    lab.answer(423, Min_Expires="1800")
    assert lab.last.headers.get("Expires") == "1800"
    assert lab.bench.wire.sent == []  # the same again is a refusal


def test_a_provider_that_is_silent_is_tried_at_its_next_address():
    lab = Registering()
    lab.trunk._hosts = [TRUNK_HOST, "198.51.100.8"]
    lab.registration.begin()
    lab.bench.timers.advance(32.1)
    assert not lab.trunk.up
    lab.bench.wire.sent.clear()
    lab.bench.timers.advance(RETRY_FIRST_S * 1.2)
    assert {flow.remote.host for flow, _ in lab.bench.wire.sent} == {"198.51.100.8"}


async def test_the_end_takes_the_registration_back():
    lab = Registering()
    lab.registration.begin()
    lab.answer(200, Expires="300")
    ending = asyncio.ensure_future(lab.trunk.stop())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lab.answer(200)
    await ending
    assert lab.last.headers.get("Expires") == "0"
    lab.bench.timers.advance(1000)
    assert lab.bench.wire.sent == []


async def test_a_host_name_is_looked_up_and_the_trunk_is_up_only_then():
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        if len(asked) == 1:
            raise OSError("no such host")
        return ["198.51.100.7", "198.51.100.8"]

    trunk = Trunk(TrunkSettings(host="sip.example.com", user="house", transport="tls", port=5061), "pw",
                  Bench().endpoint, resolve=resolve)  # fmt: skip
    assert trunk.destination is None
    await trunk._look_up()
    assert not trunk.up
    await trunk._look_up()
    assert trunk.up
    assert trunk.destination == Destination("TLS", "198.51.100.7", 5061, "sip.example.com")
    assert trunk.uri_of("112") == "sip:112@sip.example.com:5061"
