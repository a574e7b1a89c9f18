"""RFC 3263 and RFC 2782 without a network: the questions, and the order of what comes back."""

import random
from collections import Counter

import pytest

from sip.flow import Address, Destination
from sip.locating import (
    SRV_MAX,
    TARGETS_MAX,
    Answer,
    Located,
    Naptr,
    Srv,
    in_order,
    locate,
    parse_server,
    preferred,
)

HOST = "provider.test"
NONE = Answer(60.0)
FAILED = Answer(5.0, failed=True)


def first(_most: int) -> int:
    return 0


def searched(
    answers: dict[str, Answer], port: int = 0, transport: str = "auto", host: str = HOST
) -> tuple[Located, list[list[str]]]:
    """What is found, and what was asked, step by step; *answers* by "KIND name"."""
    search, asked = locate(host, port, transport, first), []
    try:
        questions = next(search)
        while True:
            asked.append([f"{one.kind.name} {one.name}" for one in questions])
            questions = search.send({one: answers.get(f"{one.kind.name} {one.name}", NONE) for one in questions})
    except StopIteration as end:
        return end.value, asked


def srv(target: str, priority: int = 1, weight: int = 1, port: int = 5060) -> Srv:
    return Srv(priority, weight, port, target)


@pytest.mark.parametrize(
    ("host", "port", "transport", "target"),
    [
        ("192.0.2.1", 0, "auto", ("UDP", 5060)),
        ("192.0.2.1", 0, "tls", ("TLS", 5061)),
        ("2001:db8::1", 5080, "tcp", ("TCP", 5080)),
    ],
)
def test_an_address_asks_nothing(host, port, transport, target):
    located, asked = searched({}, port, transport, host)
    assert located.targets == (Destination(target[0], host, target[1], host),)
    assert asked == []


def test_a_port_in_the_configuration_leaves_only_addresses_to_ask():
    located, asked = searched({f"ADDRESS {HOST}": Answer(9.0, addresses=("192.0.2.1", "192.0.2.2"))}, 5080)
    assert asked == [[f"ADDRESS {HOST}"]]
    assert located == Located(tuple(Destination("UDP", f"192.0.2.{n}", 5080, HOST) for n in (1, 2)), 9.0)


def test_naptr_chooses_the_transport_and_srv_the_servers():
    naptrs = (
        Naptr(20, 1, "s", "SIP+D2T", f"_sip._tcp.{HOST}"),
        Naptr(10, 9, "s", "SIP+D2U", f"_sip._udp.{HOST}"),
        Naptr(10, 5, "s", "SIPS+D2T", "_sips._tcp.elsewhere.test"),
        Naptr(1, 1, "s", "SIP+D2S", f"_sip._sctp.{HOST}"),  # none of ours
        Naptr(1, 1, "u", "E2U+sip", "x.test"),
    )
    located, asked = searched(
        {
            f"NAPTR {HOST}": Answer(100.0, naptrs=naptrs),
            "SRV _sips._tcp.elsewhere.test": Answer(50.0, srvs=(srv("b.test", 2), srv("a.test", 1, port=5071))),
            "ADDRESS a.test": Answer(70.0, addresses=("192.0.2.1", "2001:db8::1")),
            "ADDRESS b.test": Answer(70.0, addresses=("192.0.2.1",)),
        }
    )
    assert asked == [[f"NAPTR {HOST}"], ["SRV _sips._tcp.elsewhere.test"], ["ADDRESS a.test", "ADDRESS b.test"]]
    assert located == Located(
        (
            Destination("TLS", "192.0.2.1", 5071, HOST),  # whatever it is called there: the certificate names HOST
            Destination("TLS", "2001:db8::1", 5071, HOST),
            Destination("TLS", "192.0.2.1", 5060, HOST),
        ),
        50.0,
    )


def test_without_naptr_every_transport_is_asked_for_and_the_first_there_is_is_taken():
    located, asked = searched(
        {
            f"SRV _sips._tcp.{HOST}": Answer(50.0, srvs=(srv("a.test"),)),
            f"SRV _sip._tcp.{HOST}": Answer(50.0, srvs=(srv("b.test"),)),
            "ADDRESS b.test": Answer(50.0, addresses=("192.0.2.2",)),
        }
    )
    assert asked[1] == [f"SRV _sip._udp.{HOST}", f"SRV _sip._tcp.{HOST}", f"SRV _sips._tcp.{HOST}"]
    assert asked[2] == ["ADDRESS b.test"]
    assert located.targets == (Destination("TCP", "192.0.2.2", 5060, HOST),)


@pytest.mark.parametrize(("transport", "port"), [("tls", 5061), ("tcp", 5060), ("udp", 5060)])
def test_without_srv_the_name_itself_is_the_server(transport, port):
    located, asked = searched({f"ADDRESS {HOST}": Answer(50.0, addresses=("192.0.2.1",))}, 0, transport)
    assert len(asked) == 2
    assert located.targets == (Destination(transport.upper(), "192.0.2.1", port, HOST),)


def test_tls_stays_tls_where_its_records_lead_nowhere():
    naptr = Naptr(1, 1, "s", "SIPS+D2T", f"_sips._tcp.{HOST}")
    answers = {
        f"NAPTR {HOST}": Answer(50.0, naptrs=(naptr,)),
        f"SRV _sip._udp.{HOST}": Answer(50.0, srvs=(srv("a.test"),)),
        f"ADDRESS {HOST}": Answer(50.0, addresses=("192.0.2.1",)),
    }
    assert {to.transport for to in searched(answers)[0].targets} == {"TLS"}


def test_a_dot_says_that_there_is_no_such_service():
    """RFC 2782: no address of the name itself is tried then."""
    located, asked = searched({f"SRV _sip._udp.{HOST}": Answer(50.0, srvs=(srv(""),))}, 0, "udp")
    assert located == Located((), 50.0)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "broken", [f"NAPTR {HOST}", f"SRV _sip._udp.{HOST}", f"SRV _sip._tcp.{HOST}", "ADDRESS a.test"]
)
def test_a_question_without_an_answer_makes_it_unsure(broken):
    answers = {
        f"SRV _sip._udp.{HOST}": Answer(50.0, srvs=(srv("a.test"), srv("b.test", 2))),
        "ADDRESS a.test": Answer(50.0, addresses=("192.0.2.1",)),
        "ADDRESS b.test": Answer(50.0, addresses=("192.0.2.2",)),
        f"ADDRESS {HOST}": Answer(50.0, addresses=("192.0.2.3",)),
    }
    assert searched(answers)[0].sure
    located, _ = searched({**answers, broken: FAILED})
    assert located.targets
    assert not located.sure


def test_a_hostile_answer_is_bounded():
    many = tuple(srv(f"{n}.test") for n in range(1000))
    addresses = tuple(f"192.0.2.{n}" for n in range(250))
    answers = {f"SRV _sip._udp.{HOST}": Answer(50.0, srvs=many)}
    answers |= {f"ADDRESS {n}.test": Answer(50.0, addresses=addresses) for n in range(1000)}
    located, asked = searched(answers, 0, "udp")
    assert len(asked[1]) == SRV_MAX
    assert len(located.targets) <= TARGETS_MAX


def test_servers_share_by_weight_and_stand_by_priority():
    chance = random.Random(5)
    servers = [srv("spare", 20, 100), srv("heavy", 10, 3), srv("light", 10, 1), srv("idle", 10, 0)]
    orders = [[one.target for one in in_order(servers, lambda most: chance.randint(0, most))] for _ in range(4000)]
    assert all(order[3] == "spare" and set(order) == {"spare", "heavy", "light", "idle"} for order in orders)
    firsts = Counter(order[0] for order in orders)
    # RFC 2782: 0 to 4 is drawn, 0 means the one without a weight.
    assert firsts["idle"] == pytest.approx(800, rel=0.2)
    assert firsts["light"] == pytest.approx(800, rel=0.2)
    assert firsts["heavy"] == pytest.approx(2400, rel=0.1)


def test_a_provider_that_has_nothing_of_ours_has_no_wish():
    assert preferred([Naptr(1, 1, "s", "SIP+D2W", "x.test"), Naptr(1, 1, "", "SIP+D2U", "y.test")]) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", Address("192.0.2.1", 53)),
        ("192.0.2.1:5353", Address("192.0.2.1", 5353)),
        ("::1", Address("::1", 53)),
        ("[::1]:5353", Address("::1", 5353)),
    ],
)
def test_a_dns_server_in_the_configuration(text, address):
    assert parse_server(text) == address


@pytest.mark.parametrize("text", ["", "dns.test", "192.0.2.1:0", "192.0.2.1:x", "192.0.2.1:70000"])
def test_what_is_no_dns_server(text):
    with pytest.raises(ValueError, match="DNS server"):
        parse_server(text)
