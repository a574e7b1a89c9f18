"""SRTP between ends that differ: each gets what it speaks, and no end sees another's key."""

import pytest

from sip.b2bua_srtp import Srtp
from sip.flow import Address, Flow
from sip.media.engine import CALLER_END
from sip.message import Request
from sip.sdp import Media, parse
from sip.sdp_crypto import Crypto, cryptos
from tests.fakes.b2bua import MONITOR, CallBench, Peer, plan, sdp, target

pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture
def library() -> None:
    pytest.importorskip("pylibsrtp")


def secure(host: str, *keys: Crypto, protocol: str = "RTP/SAVP", **more: str) -> bytes:
    lines = "".join(f"a=crypto:{key.attribute.value}\r\n" for key in keys)
    return sdp(host, extra=lines, **more).replace(b"RTP/AVP", protocol.encode())


def ringing(bench: CallBench, body: bytes) -> Request:
    bench.desk.plan_ = plan([target(MONITOR)])
    bench.door.invite(body=body)
    return bench.monitor.request("INVITE")


def line(body: bytes) -> Media:
    return parse(body).media[0]


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/AVP"])
def test_a_caller_with_srtp_and_a_callee_without(protocol: str) -> None:
    bench, key = CallBench(), Crypto.new(5)
    leg = ringing(bench, secure("192.0.2.50", key, protocol=protocol))
    assert (line(leg.body).protocol, line(leg.body).named("crypto")) == ("RTP/AVP", ())
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    answer = line(bench.door.response(200).body)
    (ours,) = cryptos(answer)
    assert (answer.protocol, ours.tag) == (protocol, 5)
    assert ours.key != key.key
    caller, callee = bench.media.peers[CALLER_END, 0], bench.media.peers[0, 0]
    assert caller is not None
    assert callee is not None
    assert caller.srtp is not None
    assert (caller.srtp.suite, caller.srtp.theirs, caller.srtp.ours) == (key.suite, key.key, ours.key)
    assert callee.srtp is None


def over_tls(bench: CallBench) -> Peer:
    flow = bench.monitor.flow
    bench.monitor.flow = Flow("TLS", Address(flow.local.host, 5061), Address(flow.remote.host, 5061), connection=1)
    bench.register(bench.monitor)
    return bench.monitor


@pytest.mark.parametrize(("mode", "protocol"), [(Srtp.OPTIONAL, "RTP/AVP"), (Srtp.REQUIRED, "RTP/SAVP")])
def test_a_callee_on_tls_is_offered_srtp_and_takes_it(mode: Srtp, protocol: str) -> None:
    bench = CallBench(srtp=mode)
    over_tls(bench)
    leg = ringing(bench, sdp("192.0.2.50"))
    (ours,) = cryptos(line(leg.body))
    assert line(leg.body).protocol == protocol
    theirs = Crypto.new(ours.tag, ours.suite)
    bench.monitor.respond(leg, 200, secure("192.0.2.60", theirs, protocol=protocol))
    answer = line(bench.door.response(200).body)
    assert (answer.protocol, answer.named("crypto")) == ("RTP/AVP", ())
    callee = bench.media.peers[0, 0]
    assert callee is not None
    assert callee.srtp is not None
    assert (callee.srtp.theirs, callee.srtp.ours) == (theirs.key, ours.key)


def test_optional_srtp_that_is_not_taken_is_plain() -> None:
    bench = CallBench(srtp=Srtp.OPTIONAL)
    over_tls(bench)
    leg = ringing(bench, sdp("192.0.2.50"))
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"))
    bench.door.response(200)
    callee = bench.media.peers[0, 0]
    assert callee is not None
    assert callee.srtp is None


@pytest.mark.parametrize("keys", [(), (Crypto.new(9),)])
def test_required_srtp_answered_without_our_tag_is_no_call(keys: tuple[Crypto, ...]) -> None:
    bench = CallBench(srtp=Srtp.REQUIRED)
    over_tls(bench)
    leg = ringing(bench, sdp("192.0.2.50"))
    bench.monitor.respond(leg, 200, secure("192.0.2.60", *keys) if keys else secure("192.0.2.60"))
    bench.monitor.request("ACK")
    bench.monitor.request("BYE")
    assert bench.media.peers.get((0, 0)) is None


def test_a_new_offer_keeps_our_key_and_takes_their_new_one() -> None:
    bench, key = CallBench(), Crypto.new()
    leg = ringing(bench, secure("192.0.2.50", key))
    bench.monitor.respond(leg, 200, sdp("192.0.2.60"), headers={"Allow": "INVITE, ACK, BYE, UPDATE"})
    bench.monitor.request("ACK")
    answer = bench.door.response(200)
    bench.door.inside(answer, "ACK")
    (ours,) = cryptos(line(answer.body))
    other = Crypto.new()
    bench.door.inside(answer, "INVITE", secure("192.0.2.50", other))
    bench.door.response(100)
    again = bench.monitor.request("INVITE")
    assert line(again.body).protocol == "RTP/AVP"
    bench.monitor.respond(again, 200, sdp("192.0.2.60"))
    renewed = bench.door.response(200)
    assert cryptos(line(renewed.body)) == (ours,)
    bench.door.inside(renewed, "ACK")
    caller = bench.media.peers[CALLER_END, 0]
    assert caller is not None
    assert caller.srtp is not None
    assert (caller.srtp.theirs, caller.srtp.ours) == (other.key, ours.key)
    # the callee's own offer reaches the caller in its protocol, with our key
    bench.monitor.request("ACK")
    bench.monitor.inside(again, "UPDATE", sdp("192.0.2.60", 4010))
    offered = line(bench.door.request("INVITE").body)
    assert (offered.protocol, cryptos(offered)) == ("RTP/SAVP", (ours,))


def test_savp_without_a_key_that_we_can_use_is_refused() -> None:
    bench = CallBench()
    bench.desk.plan_ = plan([target(MONITOR)])
    bench.door.invite(body=secure("192.0.2.50"))
    bench.door.response(488)


def test_without_the_library_savp_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sip.media.srtp.available", lambda: False)
    bench = CallBench()
    bench.desk.plan_ = plan([target(MONITOR)])
    bench.door.invite(body=secure("192.0.2.50", Crypto.new()))
    bench.door.response(488)
