"""What a device can and cannot reach by what it writes into its requests, and how much of the house it can take."""

import pytest

from edge.core.settings import CallSettings
from models.call import CallPlan, Refusal
from sip.authenticator import Authenticator, Nonces
from sip.b2bua import CALLS_OF_A_USER_MAX
from sip.flow import Destination
from sip.message import Headers, Response
from sip.settings import TrunkSettings
from tests.fakes.b2bua import APP, DOOR, MONITOR, MONITOR_2, TRUNK_HOST, CallBench, plan, sdp, target
from tests.fakes.sip import REALM, FakeAccounts, answer, request

TRUNK = TrunkSettings(host=TRUNK_HOST, user="house")
ELSEWHERE = "203.0.113.66"


def dials(bench: CallBench, uri: str, **headers: str) -> list[int]:
    """The door's proven INVITE to *uri*; the statuses it hears."""
    invite = bench.door.outside("INVITE", "x", sdp("192.0.2.50"), **headers)
    invite.uri = uri
    bench.door.send(invite)
    challenge = bench.door.response(401)
    bench.door.renew(invite)
    answer(invite, challenge, DOOR, bench.accounts.passwords[DOOR])
    bench.door.send(invite)
    return [m.status for m in bench.door.waiting() if isinstance(m, Response)]


def spoken_to(bench: CallBench) -> set[str]:
    return {flow.remote.host for flow, _ in bench.wire.sent}


URIS = [
    f"sip:+4930123456@{TRUNK_HOST}",
    f"sip:101@{ELSEWHERE}:5060;transport=tcp",
    f"sip:{MONITOR_2}@192.0.2.61:5060",
    f"sip:{MONITOR_2}@192.0.2.61;maddr={ELSEWHERE}",
    f"sip:101%40{ELSEWHERE}@edge",
    f"sips:{APP}@192.0.2.70",
    "sip:+4930123456;phone-context=+49@edge;user=phone",
]
HEADERS = {
    "none": {},
    "a route to the provider": {"Route": f"<sip:{TRUNK_HOST};lr>"},
    "a strict route": {"Route": f"<sip:{ELSEWHERE}>"},
    "the provider's identity": {"P_Asserted_Identity": f"<sip:house@{TRUNK_HOST}>"},
    "a diversion": {"Diversion": f"<sip:house@{TRUNK_HOST}>", "P_Preferred_Identity": "<tel:+4930999>"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("uri", URIS)
def test_where_a_call_goes_the_house_decides_and_never_the_caller(uri, headers):
    """CVE-2023-0348: with Akuvox' own servers any device could call any other. Here the plan alone is rung."""
    bench = CallBench(trunk=TRUNK)
    assert bench.trunk is not None
    bench.trunk.servers.known([Destination("UDP", TRUNK_HOST, 5060)])
    bench.desk.plan_ = plan([target(MONITOR)])
    dials(bench, uri, **headers)
    assert spoken_to(bench) == {"192.0.2.50", "192.0.2.60"}
    assert bench.desk.callers[0].trunk_number is None


@pytest.mark.parametrize("uri", URIS)
def test_what_the_house_refuses_reaches_nobody(uri):
    bench = CallBench(trunk=TRUNK)
    bench.desk.plan_ = CallPlan(refusal=Refusal.NOT_ALLOWED, status=403)
    assert dials(bench, uri)[-1] == 403
    assert spoken_to(bench) == {"192.0.2.50"}


def test_a_transfer_to_the_outside_is_refused():
    bench = CallBench(trunk=TRUNK)
    success, _ = bench.answered_call()
    bench.door.inside(success, "REFER", Refer_To=f"<sip:+4930123456@{TRUNK_HOST}>")
    assert bench.door.response(603).status == 603
    assert spoken_to(bench) == set()


def test_one_device_cannot_take_the_calls_of_the_house():
    bench = CallBench(CallSettings(ring_time_s=60))
    bench.desk.plan_ = plan([target(MONITOR)])
    for _ in range(CALLS_OF_A_USER_MAX):
        assert dials(bench, "sip:101@edge")[-1] != 486
        bench.wire.sent.clear()
    assert dials(bench, "sip:101@edge")[-1] == 486
    assert bench.b2bua.calls == CALLS_OF_A_USER_MAX
    bench.wire.sent.clear()
    other = bench.app.outside("INVITE", "101", sdp("192.0.2.70"))
    bench.app.send(other)
    challenge = bench.app.response(401)
    bench.app.renew(other)
    answer(other, challenge, APP, bench.accounts.passwords[APP])
    bench.app.send(other)
    assert bench.b2bua.calls == CALLS_OF_A_USER_MAX + 1, "others still have theirs"
    bench.advance(200)
    assert bench.b2bua.calls == 0
    bench.wire.sent.clear()
    assert dials(bench, "sip:101@edge")[-1] != 486, "and it has its own again once they are over"


def test_challenges_take_no_memory_until_they_are_answered():
    nonces = Nonces()
    authenticator = Authenticator(REALM, FakeAccounts(), nonces=nonces)
    for number in range(2_000):
        verdict = authenticator.check(request("INVITE", user=str(number), call_id=str(number)), 1000.0)
        assert verdict.status == 401
    assert nonces._counts == {}
    assert authenticator._unanswered == {}
    assert authenticator._ha1 == {}


def test_a_replayed_register_binds_nothing():
    """The very bytes again, from somebody else and with another branch: 401 with stale, a new nonce, nothing done."""
    authenticator = Authenticator(REALM, FakeAccounts())
    first = request("REGISTER", "sip:edge")
    asked = authenticator.check(first, 1.0)
    challenge = Response(401, headers=Headers([("WWW-Authenticate", line) for line in asked.challenges]))
    proven = answer(request("REGISTER", "sip:edge"), challenge)
    assert authenticator.check(proven, 1.0).user == "10000001"
    again = authenticator.check(proven, 2.0)
    assert (again.user, again.status) == (None, 401)
    assert all("stale=true" in line for line in again.challenges)
    assert not set(asked.challenges) & set(again.challenges)
