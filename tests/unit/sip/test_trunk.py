"""The trunk: challenges, registration with back-off, and what the provider learns."""

import asyncio

import pytest

from models.access import UnlockMethod
from models.call import Caller, CallOutcome, CallPlan, DigitSource, EndedBy, LegKind, LegState, Refusal, Target
from models.ids import DeviceId
from sip.digest import parse_digest
from sip.flow import Destination
from sip.leg_uac import SILENT_S
from sip.locating import Answer, Question, Srv
from sip.message import Request, response_to
from sip.settings import TrunkSettings
from sip.trunk import LOOK_UP_EVERY_MIN_S, Trunk
from sip.trunk_registration import RETRY_FIRST_S
from sip.trunk_servers import BACK_AFTER_S
from sip.trunks import Trunks
from tests.fakes.b2bua import DOOR, LANDLINE, TRUNK_HOST, CallBench, Peer, plan, sdp, target
from tests.fakes.sip import Bench, flow_to

SECOND_HOST = "198.51.100.8"
ACCOUNT = TrunkSettings(host=TRUNK_HOST, user="house")
CHALLENGE = 'Digest realm="itsp", nonce="n1", algorithm=MD5, qop="auth"'


def at(host: str) -> Destination:
    """A server of the provider as `sip.trunk` finds it."""
    return Destination("UDP", host, 5060, TRUNK_HOST)


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


@pytest.mark.parametrize(("port", "transport"), [(5060, "UDP"), (20_561, "UDP"), (40_001, "TCP")])
def test_the_provider_calls_from_any_port_of_its_address(bench, port, transport):
    flow = flow_to(TRUNK_HOST, port, transport, connection=9 if transport == "TCP" else 0)
    assert bench.trunk.owns(flow)
    assert not bench.trunk.owns(flow_to("203.0.113.9", port, transport, flow.connection))


def test_people_who_are_called_see_the_sites_number():
    bench = CallBench(trunk=TrunkSettings(host=TRUNK_HOST, user="account77", number="+493012345"))
    bench.desk.plan_ = plan([LANDLINE])
    bench.door.invite()
    invite = bench.provider.request("INVITE")
    assert invite.from_.uri == f"sip:+493012345@{TRUNK_HOST}"
    assert invite.headers.get("P-Asserted-Identity") == f"<sip:+493012345@{TRUNK_HOST}>"
    assert invite.contact.sip.user == "account77"


def test_a_caller_who_asks_for_it_is_not_shown_to_the_telephone(bench):
    """RFC 3323, RFC 3325 §9.1: the provider knows whose call it is, and keeps it to itself."""
    bench.door.invite(Privacy="id;critical")
    invite = bench.provider.request("INVITE")
    assert invite.from_.uri == "sip:anonymous@anonymous.invalid"
    assert invite.headers.get("Privacy") == "id"
    assert invite.headers.get("P-Asserted-Identity") == f"<sip:house@{TRUNK_HOST}>"


# --- several servers, and what a call costs ---------------------------------------------------------------------------


def second(bench: CallBench) -> Peer:
    """The provider's other server."""
    bench.trunk.servers.known([at(TRUNK_HOST), at(SECOND_HOST)])
    return Peer(bench, "trunk", flow_to(SECOND_HOST, 5060), tag="second")


def test_a_server_that_is_unavailable_or_silent_gives_way_to_the_next(bench):
    other = second(bench)
    bench.door.invite()
    first = bench.provider.request("INVITE")
    bench.provider.respond(first, 503, headers={"Retry-After": "120"})
    bench.provider.request("ACK")
    again = other.request("INVITE")
    assert (again.uri, again.call_id) == (first.uri, first.call_id)
    assert again.via.branch != first.via.branch
    other.respond(again, 503)
    other.request("ACK")
    bench.door.response(480)  # there is no third
    bench.door.invite()
    bench.advance(SILENT_S / 2)
    invite = other.request("INVITE")  # the first asked for two minutes
    bench.advance(SILENT_S)
    bench.provider.request("INVITE")
    other.respond(invite, 200, sdp(SECOND_HOST))  # too late: hung up
    assert [m.method for m in other.waiting() if m.method != "INVITE"] == ["ACK", "BYE"]
    assert bench.b2bua.calls == 1


def test_a_server_that_tries_is_waited_for(bench):
    other = second(bench)
    bench.door.invite()
    bench.provider.respond(bench.provider.request("INVITE"), 100, tag="")
    bench.advance(SILENT_S * 4)
    assert other.quiet()


def test_a_server_that_failed_is_tried_last_for_a_while(bench):
    second(bench)
    bench.trunk.failed(bench.trunk.destination)
    assert [to.host for to in bench.trunk.destinations] == [SECOND_HOST, TRUNK_HOST]
    bench.advance(BACK_AFTER_S + 1)
    assert [to.host for to in bench.trunk.destinations] == [TRUNK_HOST, SECOND_HOST]


def test_a_visitor_who_leaves_while_the_first_server_is_silent_leaves_nothing(bench):
    other = second(bench)
    invite = bench.door.invite()
    bench.provider.request("INVITE")
    bench.door.cancel(invite)
    bench.door.ack_refusal(invite, bench.door.response(487))
    bench.advance(SILENT_S * 2)
    assert other.quiet()
    bench.advance(40)
    assert bench.b2bua.calls == 0
    assert bench.trunk.meter.calls == 0


def test_a_long_request_goes_by_tcp_once_the_provider_takes_it(bench):
    long = sdp("192.0.2.50", extra="".join(f"a=lang:x{i:04}\r\n" for i in range(90)))
    opened = []
    bench.wire.route, route = lambda to, then: opened.append((to, then)) or route(to, then), bench.wire.route
    bench.door.invite(body=long)
    flow, data = bench.wire.sent.pop(0)
    assert len(data) > 1300
    assert flow.transport == "UDP"  # not known yet: nobody waits for it
    assert [to.transport for to, _ in opened] == ["TCP", "UDP"]
    by_tcp = Peer(bench, "trunk", flow_to(TRUNK_HOST, 5060, "TCP", 900), tag="far")
    bench.advance(21)
    bench.door.response(480)
    bench.wire.sent.clear()
    bench.door.invite(body=long)
    invite = by_tcp.request("INVITE")
    assert invite.via.transport == "TCP"
    by_tcp.respond(invite, 200, sdp(TRUNK_HOST))
    by_tcp.request("ACK")
    success = bench.door.response(200)
    bench.door.inside(success, "ACK")
    by_tcp.inside(invite, "BYE")  # what comes that way is the provider's own
    by_tcp.response(200)
    bench.door.request("BYE")


@pytest.mark.parametrize(
    ("limits", "why"),
    [({"max_calls": 1}, "the trunk has its 1 calls already"), ({"max_calls_per_day": 1}, "the trunk had its 1 calls")],
)
def test_limits_of_calls_are_told_in_the_row(limits, why):
    bench = CallBench(trunk=TrunkSettings(host=TRUNK_HOST, user="house", **limits))
    bench.desk.plan_ = plan([LANDLINE])
    bench.door.invite()
    invite = bench.provider.request("INVITE")
    bench.app.invite()
    bench.app.response(480)
    assert bench.provider.quiet()
    leg = bench.desk.record.legs[0]
    assert leg.state is LegState.FAILED
    assert leg.why.startswith(why)
    bench.provider.respond(invite, 486)
    bench.provider.request("ACK")
    bench.door.response(486)
    bench.door.invite()
    assert bench.provider.quiet() is ("max_calls_per_day" in limits)
    bench.advance(86_400)
    bench.wire.sent.clear()
    bench.door.invite()
    bench.provider.request("INVITE")  # another day


# --- several trunks ---------------------------------------------------------------------------------------------------


def elsewhere(number: str) -> Target:
    return Target(LegKind.LANDLINE, number, number[-4:])


@pytest.mark.parametrize(
    ("number", "host"),
    [
        ("+4930123456", "198.51.100.30"),
        ("+4989123456", "198.51.100.49"),
        ("+74951234567", TRUNK_HOST),
        ("112", "198.51.100.49"),
    ],
)
def test_a_number_goes_by_the_trunk_of_its_longest_prefix(number, host):
    more = {
        "germany": TrunkSettings(host="198.51.100.49", user="de", prefixes=("+49", "112")),
        "berlin": TrunkSettings(host="198.51.100.30", user="b", prefixes=("+4930",)),
    }
    bench = CallBench(trunk=ACCOUNT, more_trunks=more)
    bench.desk.plan_ = plan([elsewhere(number)])
    bench.door.invite()
    flow, data = bench.wire.sent.pop(0)
    assert flow.remote.host == host
    assert data.startswith(f"INVITE sip:{number}@{host} ".encode())


def test_a_number_that_no_trunk_is_for_fails_and_says_why():
    bench = CallBench(more_trunks={"berlin": TrunkSettings(host=TRUNK_HOST, prefixes=("+4930",))})
    bench.desk.plan_ = plan([LANDLINE])
    bench.door.invite()
    bench.door.response(480)
    assert bench.desk.record.legs[0].why == "no trunk is for this number"


def test_a_full_trunk_does_not_spill_over_into_another():
    more = {"germany": TrunkSettings(host="198.51.100.49", prefixes=("+49",), max_calls_per_day=1)}
    bench = CallBench(trunk=ACCOUNT, more_trunks=more)
    bench.desk.plan_ = plan([elsewhere("+4989123456")])
    for _ in range(2):
        bench.door.invite()
    assert "198.51.100.7" not in {flow.remote.host for flow, _ in bench.wire.sent}


def test_one_provider_does_not_speak_in_anothers_dialog():
    bench = CallBench(trunk=ACCOUNT, more_trunks={"berlin": TrunkSettings(host=SECOND_HOST, prefixes=("+4930",))})
    bench.desk.plan_ = plan([LANDLINE])
    bench.door.invite()
    invite = bench.provider.request("INVITE")
    bench.provider.respond(invite, 200, sdp(TRUNK_HOST))
    other = Peer(bench, "trunk", flow_to(SECOND_HOST, 5060), tag="far")
    other.inside(invite, "BYE")
    other.response(403)
    assert bench.b2bua.calls == 1


# --- calls from outside -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"P_Asserted_Identity": "<tel:+74957654321;phone-context=x>"}, "+74957654321"),
        ({"From": "<sip:+74957654321@itsp>;tag=far"}, "+74957654321"),
        ({"P_Asserted_Identity": "<mailto:me>", "From": "<sip:+7@itsp>;tag=far"}, "anonymous"),
    ],
)
def test_who_calls_from_outside(bench, headers, number):
    bench.desk.plan_ = CallPlan(refusal=Refusal.NOT_ALLOWED, status=403)
    bench.provider.send(bench.provider.outside("INVITE", "house", sdp(TRUNK_HOST), **headers))
    bench.provider.response(100)
    bench.provider.response(403)
    assert bench.desk.callers == [Caller(None, trunk_number=number)]


def test_an_outside_caller_who_wants_to_be_private_is_not_shown_in_the_house(bench):
    bench.desk.plan_ = plan([target(bench.monitor.user)])
    asserted = {"P_Asserted_Identity": "<sip:+74957654321@itsp>", "Privacy": "id"}
    bench.provider.send(bench.provider.outside("INVITE", "house", sdp(TRUNK_HOST), **asserted))
    text = bench.monitor.request("INVITE").render()
    assert b"+74957654321" not in text
    assert b"sip:anonymous@c-test" in text


def call_in(bench: CallBench) -> Request:
    bench.desk.plan_ = CallPlan(opens="1", door=DeviceId("d-door"), digits_from=DigitSource.CALLER)
    invite = bench.provider.outside("INVITE", "house", sdp(TRUNK_HOST))
    bench.provider.send(invite)
    bench.provider.response(100)
    return invite


def test_a_call_opens_a_door_once_it_is_acknowledged_and_not_before(bench):
    call_in(bench)
    success = bench.provider.response(200)
    assert b"m=audio 3" in success.body
    bench.advance(3)
    assert bench.desk.opens == []  # a forged address gets this far
    bench.wire.sent.clear()
    bench.provider.inside(success, "ACK")
    bench.advance(0.01)
    assert bench.desk.opens == [(Caller(None, trunk_number="trunk"), "1", UnlockMethod.DTMF)]
    bench.provider.respond(bench.provider.request("BYE"), 200)
    record = bench.desk.record
    assert (record.outcome, record.ended_by, record.opened) == (CallOutcome.ANSWERED, EndedBy.EDGE, ("1",))
    assert bench.b2bua.calls == 0


def test_a_call_that_is_never_acknowledged_opens_nothing(bench):
    call_in(bench)
    bench.advance(33)
    assert bench.desk.opens == []
    bench.advance(33)
    assert bench.b2bua.calls == 0


def test_a_call_that_is_given_up_opens_nothing(bench):
    call_in(bench)
    success = bench.provider.response(200)
    bench.provider.inside(success, "BYE")
    bench.provider.response(200)
    bench.advance(1)
    assert bench.desk.opens == []
    assert bench.desk.record.ended_by is EndedBy.VISITOR


def test_a_call_without_an_offer_opens_nothing(bench):
    bench.desk.plan_ = CallPlan(opens="1", door=DeviceId("d-door"), digits_from=DigitSource.CALLER)
    bench.provider.send(bench.provider.outside("INVITE", "house"))
    bench.provider.response(100)
    bench.provider.response(480)
    assert bench.desk.opens == []


# --- registration ---------------------------------------------------------------------------------------------------


class Registering:
    """A trunk that wants a registration, on a bench."""

    def __init__(self, **settings: object) -> None:
        self.bench = Bench()
        account = TrunkSettings(host=TRUNK_HOST, user="house", register=True, **settings)  # type: ignore[arg-type]
        self.trunk = Trunk(account, "pw", self.bench.endpoint)
        self.bench.endpoint.vouch = Trunks([self.trunk]).vouch
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
    lab.trunk.servers.known([at(TRUNK_HOST), at(SECOND_HOST)])
    lab.registration.begin()
    lab.bench.timers.advance(31.9)
    assert {flow.remote.host for flow, _ in lab.bench.wire.sent} == {TRUNK_HOST}
    lab.bench.wire.sent.clear()
    lab.bench.timers.advance(0.2)
    assert {flow.remote.host for flow, _ in lab.bench.wire.sent} == {SECOND_HOST}
    lab.bench.timers.advance(32)  # neither is there: a pause, and once more
    assert not lab.trunk.up
    lab.bench.wire.sent.clear()
    lab.bench.timers.advance(RETRY_FIRST_S * 1.2)
    assert lab.bench.wire.sent


def test_a_registrar_that_is_unavailable_gives_way_at_once():
    lab = Registering()
    lab.trunk.servers.known([at(TRUNK_HOST), at(SECOND_HOST)])
    lab.registration.begin()
    lab.answer(503, Retry_After="300")
    assert lab.bench.wire.sent[0][0].remote.host == SECOND_HOST
    lab.answer(200, Expires="300")
    assert lab.trunk.up
    assert [to.host for to in lab.trunk.destinations] == [SECOND_HOST, TRUNK_HOST]
    lab.bench.timers.advance(240.1)
    assert lab.bench.wire.sent[0][0].remote.host == SECOND_HOST  # the refresh


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


class Dns:
    """Answers from a list of answers for each question; what is not there fails."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[str] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(f"{question.kind.name} {question.name}")
        left = self.answers.get((question.kind.name, question.name), [])
        return (left.pop(0) if len(left) > 1 else left[0]) if left else Answer(5.0, failed=True)


async def test_a_host_name_is_looked_up_and_the_trunk_is_up_only_then():
    dns = Dns()
    settings = TrunkSettings(host="sip.example.com", user="house", transport="tls", port=5061)
    trunk = Trunk(settings, "pw", Bench().endpoint, resolver=dns)
    assert trunk.destination is None
    assert [await trunk._look_up() for _ in range(3)] == [5.0, 10.0, 20.0]
    assert not trunk.up
    dns.answers["ADDRESS", "sip.example.com"] = [Answer(42.0, addresses=("198.51.100.7", "198.51.100.8"))]
    assert await trunk._look_up() == 42.0
    assert trunk.up
    assert [to.host for to in trunk.destinations] == ["198.51.100.7", "198.51.100.8"]
    assert trunk.destination == Destination("TLS", "198.51.100.7", 5061, "sip.example.com")
    assert trunk.uri_of("112") == "sip:112@sip.example.com:5061"


async def test_what_was_known_stays_where_dns_is_in_trouble():
    """Only half of an answer, or none: calls go on as before; it is asked again soon, then more and more seldom."""
    dns = Dns()
    trunk = Trunk(TrunkSettings(host="example.com", transport="udp"), "", Bench().endpoint, resolver=dns)
    dns.answers["SRV", "_sip._udp.example.com"] = [Answer(900.0, srvs=(Srv(1, 1, 5080, "a.example.com"),))]
    dns.answers["ADDRESS", "a.example.com"] = [Answer(7200.0, addresses=("198.51.100.7",))]
    dns.answers["ADDRESS", "example.com"] = [Answer(60.0, addresses=("198.51.100.99",))]  # its web server
    assert await trunk._look_up() == 900.0
    (known,) = trunk.destinations
    assert (known.host, known.port) == ("198.51.100.7", 5080)
    assert trunk.uri_of("112") == "sip:112@example.com"
    del dns.answers["SRV", "_sip._udp.example.com"]
    assert [await trunk._look_up() for _ in range(8)] == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]
    assert trunk.destinations == (known,)
    dns.answers["SRV", "_sip._udp.example.com"] = [Answer(1.0, srvs=(Srv(1, 1, 5060, "b.example.com"),))]
    dns.answers["ADDRESS", "b.example.com"] = [Answer(86400.0, addresses=("198.51.100.8",))]
    assert await trunk._look_up() == LOOK_UP_EVERY_MIN_S
    assert [to.host for to in trunk.destinations] == ["198.51.100.8"]


async def test_what_comes_from_any_server_of_the_provider_is_its_own():
    dns = Dns()
    trunk = Trunk(TrunkSettings(host="example.com", transport="udp"), "", Bench().endpoint, resolver=dns)
    srvs = tuple(Srv(n, 1, 5060, f"{n}.example.com") for n in (1, 2))
    dns.answers["SRV", "_sip._udp.example.com"] = [Answer(900.0, srvs=srvs)]
    for n in (1, 2):
        dns.answers["ADDRESS", f"{n}.example.com"] = [Answer(900.0, addresses=(f"198.51.100.{n}",))]
    await trunk._look_up()
    assert [trunk.owns(flow_to(f"198.51.100.{n}", 40000)) for n in (1, 2, 3)] == [True, True, False]
    assert trunk.owns(flow_to("198.51.100.2", 40000, "TCP", 5))
    assert not trunk.owns(flow_to("198.51.100.2", 40000, "TLS", 6))
