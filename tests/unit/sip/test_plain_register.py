"""A REGISTER of the usual shape is answered by a shorter way; nobody can tell which way it went."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.authenticator import Nonces
from sip.digest import digest_response, ha1, parse_digest
from sip.flow import Address, Flow
from sip.plain_register import PLAIN_BYTES_MAX, PlainRegistrations, read
from sip.registrar import Registrar
from sip.settings import SipSettings
from tests.fakes.sip import REALM, SERVER, Bench, FakeBindingStore

USER, PASSWORD = "10000001", "secret"
PHONE = Flow("UDP", SERVER, Address("192.0.2.50", 5070))
URI = "sip:192.0.2.1"
LINES = {
    "Via": "SIP/2.0/UDP 10.0.0.9:5070;rport;branch=z9hG4bK-{cseq}",
    "Max-Forwards": "70",
    "From": f"<sip:{USER}@192.0.2.1>;tag=abc",
    "To": f"<sip:{USER}@192.0.2.1>",
    "Call-ID": "a-call",
    "CSeq": "{cseq} REGISTER",
    "Contact": f"<sip:{USER}@10.0.0.9:5070;ob>",
    "Expires": "600",
    "User-Agent": "a phone",
    "Content-Length": "0",
}


class Desk:
    """A server, with the short way or without."""

    def __init__(self, short: bool, **chosen: object) -> None:
        self.bench = Bench(SipSettings(**{"source_rate_per_s": 0, **chosen}))
        endpoint = self.endpoint = self.bench.endpoint
        endpoint.authenticator._nonces = Nonces(b"the same for both")
        self.store = FakeBindingStore()
        self.registrar = Registrar(self.bench.settings, self.store, alive=lambda _: True, jitter=lambda: 0.5)
        endpoint.handle("REGISTER", lambda tx: self.registrar.answer(tx, self.bench.clock.now_ms()))
        if short:
            endpoint.shortcut = PlainRegistrations(endpoint, self.registrar)

    def say(self, data: bytes, flow: Flow = PHONE) -> list[tuple[Flow, bytes]]:
        """What is answered, To tags masked."""
        self.endpoint.receive(data, flow)
        sent, self.bench.wire.sent = self.bench.wire.sent, []
        return [(to, re.sub(rb"(?m)^(To: .*;tag=)[0-9a-f]{16}\r$", rb"\1-\r", answer)) for to, answer in sent]


@dataclass
class Both:
    """The same said to both servers; they must agree in everything."""

    short: Desk
    long: Desk

    def say(self, data: bytes, flow: Flow = PHONE) -> bytes:
        answers = self.short.say(data, flow)
        assert answers == self.long.say(data, flow)
        assert self.short.store.rows == self.long.store.rows
        assert self.short.endpoint.counters == self.long.endpoint.counters
        return answers[0][1] if answers else b""

    def advance(self, seconds: float) -> None:
        for desk in (self.short, self.long):
            desk.bench.timers.advance(seconds)


def both(**chosen: object) -> Both:
    return Both(Desk(True, **chosen), Desk(False, **chosen))


def message(cseq: int = 1, uri: str = URI, **changes: str | None) -> bytes:
    """A REGISTER; *changes* by header name with _ for -, None takes one out."""
    lines = {**LINES, **{name.replace("_", "-"): value for name, value in changes.items()}}
    text = "".join(f"{name}: {value.format(cseq=cseq)}\r\n" for name, value in lines.items() if value is not None)
    return f"REGISTER {uri} SIP/2.0\r\n{text}\r\n".encode()


def credentials(challenge: bytes, algorithm: str = "MD5", password: str = PASSWORD, **changes: str) -> str:
    lines = re.findall(r"WWW-Authenticate: ([^\r]*)", challenge.decode())
    asked = next(fields for line in lines if (fields := parse_digest(line)) and fields["algorithm"] == algorithm)
    fields = {
        "username": USER, "realm": REALM, "nonce": asked["nonce"], "uri": URI, "algorithm": algorithm, "cnonce": "x",
        "nc": "00000001", "qop": "auth",
    } | changes  # fmt: skip
    fields["response"] = digest_response(algorithm, ha1(algorithm, USER, REALM, password), fields, "REGISTER")
    bare = ("algorithm", "nc", "qop")
    return "Digest " + ", ".join(f"{k}={v}" if k in bare else f'{k}="{v}"' for k, v in fields.items())


def registered(desks: Both, algorithm: str = "MD5", cseq: int = 1, **changes: str | None) -> bytes:
    challenge = desks.say(message(cseq, **changes))
    return desks.say(message(cseq + 1, Authorization=credentials(challenge, algorithm), **changes))


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_registration_goes_the_short_way_and_the_answers_are_those_of_the_long_one(algorithm, monkeypatch):
    desks = both()
    monkeypatch.setattr(desks.short.endpoint, "_request", None)
    answer = registered(desks, algorithm)
    assert answer.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"Contact: <sip:10000001@10.0.0.9:5070;ob>;expires=600\r\n" in answer
    assert b";rport=5070;received=192.0.2.50\r\n" in answer
    assert len(desks.short.registrar.table) == 1


def test_a_retransmission_gets_the_same_answer_and_is_not_judged_again():
    desks = both()
    challenge = desks.say(message())
    proven = message(2, Authorization=credentials(challenge))
    first = desks.say(proven)
    desks.advance(31.0)
    assert desks.say(proven) == first
    desks.advance(2.0)
    assert b"stale=true" in desks.say(proven)


def test_the_transaction_is_one_whichever_way_its_messages_go():
    desk = Desk(True)
    ((_, challenge),) = desk.say(message())
    proven = message(2, Authorization=credentials(challenge))
    ((_, first),) = desk.say(proven)
    ((_, again),) = desk.say(proven.replace(b"Expires: 600", b"expires:600"))
    assert again == first


@pytest.mark.parametrize(
    "changes",
    [
        {"Via": "SIP/2.0/UDP 192.0.2.50:5070;branch=z9hG4bK-{cseq}"},
        {"Via": "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-{cseq};rport"},
        {"Via": "SIP/2.0/TCP 10.0.0.9:5070;rport;branch=z9hG4bK-{cseq};alias"},
        {"Via": "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-{cseq};received=1.2.3.4"},
        {"Via": "SIP/2.0/UDP 10.0.0.9;branch={cseq}"},
        {"Via": "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK-{cseq};rport"},
        {"From": f'"Gate" <sip:{USER}@h>;tag=1', "To": f'"Gate" <sip:{USER}@h>'},
        {"To": f"<sip:{USER}@elsewhere>"},
        {"To": "<sip:10000002@192.0.2.1>"},
        {"Contact": "<sip:a@h>, <sip:b@h>"},
        {"Contact": "<sip:a@h>;expires=120;+sip.instance=\"<urn:uuid:1>\";reg-id=1;q=0.5"},
        {"Contact": "sip:a@h;expires=70"},
        {"Contact": "*", "Expires": "0"},
        {"Contact": None},
        {"Contact": "<tel:1>"},
        {"Contact": "<sip:a@h"},
        {"Expires": "0"},
        {"Expires": "59"},
        {"Expires": "-1"},
        {"Expires": None},
        {"Expires": "99999999999"},
        {"Max-Forwards": "256"},
        {"Max-Forwards": "0"},
        {"Content-Length": "3"},
        {"Content-Length": None},
        {"Require": "path"},
        {"X-Unknown": "1"},
        {"User-Agent": "x" * 200},
        {"User-Agent": "x" * PLAIN_BYTES_MAX},
        {"Call-ID": ""},
        {"CSeq": "2 INVITE"},
        {"CSeq": "9999999999 REGISTER"},
        {"Subject": "a\r\n folded line"},
        {"Subject": "a bare \n line feed"},
        {"Subject": "caf\u00e9"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("force_rport", [True, False])
def test_whatever_the_shape_both_ways_agree(changes, force_rport):
    desks = both(force_rport=force_rport)
    challenge = desks.say(message(**changes))
    if b"WWW-Authenticate" in challenge:
        desks.say(message(2, Authorization=credentials(challenge), **changes))
        desks.say(message(1, Authorization=credentials(challenge, nc="00000002"), **changes))  # CSeq goes back


@pytest.mark.parametrize(
    "how",
    [
        {"password": "guess"}, {"username": "10000002"}, {"username": "nobody"}, {"nonce": "x"}, {"nc": "00000000"},
        {"nc": "1"}, {"uri": "sip:other@host"}, {"uri": "sip:other.host"}, {"realm": "elsewhere"}, {"qop": "auth-int"},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_credentials_get_the_same_refusal(how):
    desks = both()
    challenge = desks.say(message())
    desks.say(message(2, Authorization=credentials(challenge, **how)))
    desks.say(message(3, Authorization=credentials(challenge)))


def test_what_came_without_an_answer_counts_towards_the_fallback():
    desks = both()
    for cseq in range(1, 4):
        assert b"SHA-256" in desks.say(message(cseq))
    assert b"SHA-256" not in desks.say(message(4))
    assert desks.short.bench.accounts.fallen_back == [USER]


_PLAIN = message(2, Authorization=credentials(Desk(True).say(message())[0][1]))


@settings(max_examples=300)
@given(st.data())
def test_a_message_bent_anywhere_is_answered_alike(data):
    at = data.draw(st.integers(0, len(_PLAIN)))
    cut = data.draw(st.integers(0, 4))
    put = data.draw(
        st.sampled_from([b"", b"\r\n", b"\n", b" ", b"\t", b";", b",", b'"', b"<", b"\0", b"\xff", b"0", b"v: x\r\n"])
    )
    bent = _PLAIN[:at] + put + _PLAIN[at + cut :]
    both().say(bent)


@settings(max_examples=300)
@given(st.binary(max_size=64))
def test_no_bytes_upset_the_reader(data):
    read(data)
    read(b"REGISTER " + data)
