"""RFC 4475: each of the 49 messages with its verdict, as a phone in the house would see it over UDP."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sip.message import Message, Request
from sip.parser import ParseError, check, parse
from sip.registrar import Registrar
from tests.fakes.sip import Bench, FakeBindingStore, flow_to

FOLDER = Path(__file__).parents[1] / "data" / "rfc4475"
SILENCE = 0


@dataclass(frozen=True)
class Verdict:
    """*readable*: the parser takes it. *status*: the answer, SILENCE where none may go out."""

    readable: bool
    status: int
    why: str


GOOD, BAD = True, False
VERDICTS = {
    # 3.1.1 valid
    "wsinv": Verdict(GOOD, 481, "in a dialog that does not exist"),
    "intmeth": Verdict(GOOD, 405, "a method of its own"),
    "esc01": Verdict(GOOD, 401, "a stranger's INVITE"),
    "escnull": Verdict(GOOD, 401, "a stranger's REGISTER"),
    "esc02": Verdict(GOOD, 405, "RE%47IST%45R is another method than REGISTER"),
    "lwsdisp": Verdict(GOOD, 200, "OPTIONS"),
    "longreq": Verdict(GOOD, 483, "34 hops: legal, but no house has a chain of more than ten"),
    "dblreq": Verdict(GOOD, 401, "the second request in the datagram is ignored"),
    "semiuri": Verdict(GOOD, 200, "OPTIONS"),
    "transports": Verdict(GOOD, 200, "OPTIONS"),
    "mpart01": Verdict(GOOD, 405, "MESSAGE is not served"),
    "unreason": Verdict(GOOD, SILENCE, "a response to nothing of ours"),
    "noreason": Verdict(GOOD, SILENCE, "a response to nothing of ours"),
    # 3.1.2 invalid
    "badinv01": Verdict(BAD, SILENCE, "no Via to answer along"),
    "clerr": Verdict(BAD, 400, "Content-Length beyond the datagram"),
    "ncl": Verdict(BAD, 400, "negative Content-Length"),
    "scalar02": Verdict(BAD, 400, "CSeq overflows"),
    "scalarlg": Verdict(BAD, SILENCE, "a response is never answered"),
    "quotbal": Verdict(BAD, 400, "open quote in To"),
    "ltgtruri": Verdict(BAD, 400, "brackets around the Request-URI"),
    "lwsruri": Verdict(BAD, 400, "white space in the Request-URI"),
    "lwsstart": Verdict(BAD, 400, "double spaces in the request line"),
    "trws": Verdict(BAD, 400, "spaces after the request line"),
    "escruri": Verdict(GOOD, 400, "headers in the Request-URI"),
    "baddate": Verdict(GOOD, 401, "nobody reads the Date of a request"),
    "regbadct": Verdict(BAD, 400, "? in a Contact without brackets"),
    "badaspec": Verdict(BAD, 400, "spaces inside the brackets of To"),
    "baddn": Verdict(BAD, SILENCE, "unquoted comma, and no end of the header"),
    "badvers": Verdict(BAD, 505, "SIP/7.0"),
    "mismatch01": Verdict(BAD, 400, "CSeq of another method"),
    "mismatch02": Verdict(BAD, 400, "CSeq of another method"),
    "bigcode": Verdict(BAD, SILENCE, "a response is never answered"),
    # 3.2 transaction
    "badbranch": Verdict(GOOD, 200, "the cookie alone: matched as RFC 2543 has it"),
    # 3.3 application
    "insuf": Verdict(BAD, SILENCE, "nothing to answer with"),
    "unkscm": Verdict(GOOD, 416, "unknown scheme"),
    "novelsc": Verdict(GOOD, 416, "unknown scheme"),
    "unksm2": Verdict(GOOD, 400, "a registration of a book"),
    "bext01": Verdict(GOOD, 420, "Require"),
    "invut": Verdict(GOOD, 415, "unknown body"),
    "regaut01": Verdict(GOOD, 401, "unknown authorization scheme"),
    "multi01": Verdict(BAD, 400, "several From, To, Call-ID, CSeq"),
    "mcl01": Verdict(BAD, 400, "two Content-Length"),
    "bcast": Verdict(GOOD, SILENCE, "a response to nothing of ours"),
    "zeromf": Verdict(GOOD, 483, "no hop left"),
    "cparam01": Verdict(GOOD, 401, "a stranger's REGISTER"),
    "cparam02": Verdict(GOOD, 401, "a stranger's REGISTER"),
    "regescrt": Verdict(GOOD, 401, "a stranger's REGISTER"),
    "sdp01": Verdict(GOOD, 401, "a stranger's INVITE"),
    # 3.4 RFC 2543
    "inv2543": Verdict(GOOD, 401, "no Contact, no branch, no tag"),
}


def raw(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def read(name: str) -> Message:
    message = parse(raw(name))
    check(message)
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
    assert len(VERDICTS) == 49


@pytest.mark.parametrize("name", VERDICTS)
def test_the_parser_takes_what_is_valid_and_only_that(name):
    if VERDICTS[name].readable:
        read(name)
    else:
        with pytest.raises(ParseError):
            read(name)


@pytest.mark.parametrize("name", VERDICTS)
def test_the_answer(bench, name):
    bench.receive(raw(name), flow_to("192.0.2.77", 5060))
    statuses = [int(data.split(b" ")[1]) for _, data in bench.wire.sent if data.startswith(b"SIP/2.0 ")]
    assert statuses == ([VERDICTS[name].status] if VERDICTS[name].status else [])
    assert bench.endpoint.counters["messages_received"] == 1
    assert bench.endpoint.counters["handler_errors"] == 0


@pytest.mark.parametrize("name", VERDICTS)
def test_a_message_that_is_read_is_written_and_read_again_alike(name):
    if not VERDICTS[name].readable:
        return
    message = read(name)
    twin = parse(message.render())
    assert twin.headers.get_all("Via") == message.headers.get_all("Via")
    assert [line for line in twin.headers.items() if line[0] != "Content-Length"] == [
        line for line in message.headers.items() if line[0] != "Content-Length"
    ]
    assert twin.body == message.body


def test_white_space_and_folding():
    message = read("wsinv")
    assert message.to_tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_tag == "98asjd8"
    assert message.max_forwards == 68
    assert message.cseq == (9, "INVITE")
    assert [via.split(";")[0].split()[-1] for via in message.headers.get_all("Via")][0] == "192.0.2.2"
    assert message.via.branch == "390skdjuw"
    assert message.routes[0].sip.params == (("lr", None), ("unknownwith", "value"), ("unknown-no-value", None))
    contact = message.contact
    assert contact is not None
    assert (contact.display, contact.param("q"), contact.param("newparam")) == ('Quoted string ""', "0.33", "newvalue")


def test_escapes_are_undone_once_and_only_in_the_user():
    message = read("esc01")
    assert isinstance(message, Request)
    assert message.request_uri.user == "sips:user@example.com"
    assert message.request_uri.host == "example.net"
    assert message.to.sip.user == "user"
    assert message.from_.sip.user == "I have spaces"
    assert message.contact is not None
    assert message.contact.sip.params == (("%6c%72", None), ("n%61me", "v%61lue%25%34%31"))


def test_an_unusual_user_and_header_names_of_token_characters():
    message = read("intmeth")
    assert isinstance(message, Request)
    assert message.request_uri.host == "example.com"
    assert message.request_uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display == "BEL:\a NUL:\0 DEL:\x7f"
    assert message.from_.param("fromparam''~+*_!.-%") == '"работающий"'


def test_compact_forms_and_the_order_of_contacts():
    message = read("esc02")
    assert [contact.uri for contact in message.contacts] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]
    assert read("regescrt").contact.uri == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"


def test_parameters_belong_to_the_header_without_brackets_and_to_the_uri_within():
    assert read("cparam01").contact.params == (("unknownparam", None),)
    assert read("cparam02").contact.params == ()
    assert read("cparam02").contact.sip.params == (("unknownparam", None),)


def test_the_body_ends_where_content_length_says():
    assert read("dblreq").body == b""
    assert read("mpart01").body.startswith(b"--7a9cbec02ceef655\r\n")
    assert len(read("mpart01").body) == 553


def test_a_user_may_hold_semicolons_and_escapes():
    message = read("semiuri")
    assert isinstance(message, Request)
    assert message.request_uri.user == "user;par=u@example.net"
