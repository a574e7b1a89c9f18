"""RFC 5118: each of the 12 messages of its section 4 with its verdict, as they come to the edge over UDP.

The bodies' Content-Length is counted, not copied: the RFC's own numbers do not fit its bodies.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sip import sdp
from sip.message import Message, Request
from sip.parser import check, parse
from sip.registrar import Registrar
from tests.fakes.sip import Bench, FakeBindingStore, flow_to

FOLDER = Path(__file__).parents[1] / "data" / "rfc5118"
SOURCE = flow_to("2001:db8::77", 5060)


@dataclass(frozen=True)
class Verdict:
    status: int
    why: str


VERDICTS = {
    "ipv6-good": Verdict(401, "4.1: a stranger's REGISTER"),
    "ipv6-bad": Verdict(400, "4.2: an IPv6 address without brackets in the Request-URI"),
    "port-ambiguous": Verdict(401, "4.3: all that stands in the brackets is the address"),
    "port-unambiguous": Verdict(401, "4.4: a stranger's REGISTER"),
    "via-received-param-with-delim": Verdict(481, "4.5: brackets in received are forgiven; no such dialog"),
    "via-received-param-no-delim": Verdict(200, "4.5: OPTIONS"),
    "ipv6-in-sdp": Verdict(401, "4.6: a stranger's INVITE"),
    "mult-ip-in-header": Verdict(481, "4.7: no such dialog"),
    "mult-ip-in-sdp": Verdict(401, "4.8: a stranger's INVITE"),
    "ipv4-mapped-ipv6": Verdict(401, "4.9: a stranger's INVITE"),
    "ipv6-bug-abnf-3-colons": Verdict(200, "4.10: OPTIONS; what RFC 3261's grammar allowed by mistake is taken"),
    "ipv6-correct-abnf-2-colons": Verdict(200, "4.10: OPTIONS"),
}


def raw(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def read(name: str) -> Request:
    message = parse(raw(name))
    check(message)
    assert isinstance(message, Request)
    return message


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    registrar = Registrar(bench.settings, FakeBindingStore(), alive=bench.wire.alive)
    bench.endpoint.handle("REGISTER", lambda tx: registrar.answer(tx, bench.clock.now_ms()))
    bench.endpoint.handle("INVITE", lambda tx: tx.reply(480), ["application/sdp"])
    bench.endpoint.handle("BYE", lambda tx: tx.reply(481))
    return bench


def test_every_message_has_a_verdict():
    assert {path.stem for path in FOLDER.glob("*.dat")} == VERDICTS.keys()
    assert len(VERDICTS) == 12


@pytest.mark.parametrize("name", VERDICTS)
def test_the_answer(bench, name):
    bench.receive(raw(name), SOURCE)
    ((flow, data),) = bench.wire.sent
    assert int(data.split(b" ")[1]) == VERDICTS[name].status
    assert flow.remote.host == "2001:db8::77"
    assert bench.endpoint.counters["handler_errors"] == 0


@pytest.mark.parametrize("name", VERDICTS)
def test_the_answer_names_the_source_without_brackets(bench, name):
    """RFC 3261 §25.1: via-received is a bare address. What a peer put there itself is not believed."""
    bench.receive(raw(name), SOURCE)
    top = parse(bench.wire.sent[0][1]).via
    assert [value for key, value in top.params if key == "received"] == ["2001:db8::77"]


@pytest.mark.parametrize("name", VERDICTS)
def test_a_message_is_written_and_read_again_alike(name):
    message: Message = parse(raw(name))
    twin = parse(message.render())
    assert list(twin.headers.items()) == list(message.headers.items())
    assert twin.body == message.body


def test_all_that_stands_in_the_brackets_is_the_address():
    ambiguous, clear = read("port-ambiguous").request_uri, read("port-unambiguous").request_uri
    assert (ambiguous.host, ambiguous.port) == ("[2001:db8::10:5070]", None)
    assert (clear.host, clear.port) == ("[2001:db8::10]", 5070)


def test_an_address_without_brackets_is_no_host():
    message = parse(raw("ipv6-bad"))
    assert isinstance(message, Request)
    with pytest.raises(ValueError, match="URI parameter"):
        _ = message.request_uri


@pytest.mark.parametrize(
    ("name", "received"),
    [("via-received-param-with-delim", "[2001:db8::9:255]"), ("via-received-param-no-delim", "2001:db8::9:255")],
)
def test_received_is_read_with_and_without_brackets(name, received):
    assert read(name).via.param("received") == received


def test_addresses_of_both_kinds_in_one_message():
    vias = read("mult-ip-in-header").headers.get_all("Via")
    assert read("mult-ip-in-header").via.sent_by == ("[2001:db8::9:1]", 6050)
    assert [via.split(" ")[1].partition(";")[0] for via in vias] == [
        "[2001:db8::9:1]:6050",
        "192.0.2.1",
        "[2001:db8::9:255]",
    ]


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),
        ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),
        ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),
    ],
)
def test_addresses_of_both_kinds_in_a_description(name, hosts):
    session = sdp.parse(read(name).body)
    assert [media.host for media in session.media] == hosts
    assert [media.host for media in sdp.parse(sdp.render(session)).media] == hosts


def test_mapped_addresses_are_addresses():
    message = read("ipv4-mapped-ipv6")
    assert message.via.sent_by == ("[::ffff:192.0.2.10]", 19823)
    assert message.contact is not None
    assert message.contact.sip.host == "[::ffff:192.0.2.2]"


@pytest.mark.parametrize(
    ("name", "host"),
    [("ipv6-bug-abnf-3-colons", "[2001:db8:::192.0.2.1]"), ("ipv6-correct-abnf-2-colons", "[2001:db8::192.0.2.1]")],
)
def test_two_and_three_colons_before_an_ipv4_tail(name, host):
    assert read(name).request_uri.host == host
