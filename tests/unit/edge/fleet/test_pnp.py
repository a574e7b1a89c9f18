"""Plug and play: who is answered, with what, and how often."""

import pytest

from edge.fleet import pnp
from edge.fleet.pnp import MAX_A_MINUTE, MAX_TRIES, Heard, PlugAndPlay
from models.ids import Mac
from sip.message import Request, Response
from sip.parser import parse

GATE = Mac("0c1105000001")
URL = "http://192.0.2.1:8080/provision/"
PHONE = ("192.0.2.50", 5060)
OWN = ("192.0.2.1", 40000)


def responder() -> PlugAndPlay:
    return PlugAndPlay(lambda mac: mac == GATE, lambda: URL, OWN)


def subscribe(
    user: str = "MAC%3a0c1105000001", *, call: str = "c1", event: str = 'ua-profile;profile-type="device"'
) -> bytes:
    return (
        f"SUBSCRIBE sip:{user}@224.0.1.75 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKone;rport\r\n"
        f"From: <sip:{user}@224.0.1.75>;tag=f1\r\nTo: <sip:{user}@224.0.1.75>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:192.0.2.50:5060>\r\nMax-Forwards: 70\r\n"
        f"Event: {event}\r\nAccept: application/url\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def test_a_device_of_ours_is_told_the_url() -> None:
    answer, notify = responder().hear(subscribe(), PHONE, 0.0).send
    accepted, told = parse(answer.data), parse(notify.data)
    assert isinstance(accepted, Response)
    assert isinstance(told, Request)
    assert (accepted.status, told.method, told.uri) == (200, "NOTIFY", "sip:192.0.2.50:5060")
    assert (told.body.decode(), told.content_type, told.headers.get("Event")) == (URL, "application/url", "ua-profile")
    assert told.headers.get("Subscription-State", "").startswith("terminated")
    assert (told.from_tag, told.to_tag) == (accepted.to_tag, "f1")
    assert told.call_id == accepted.call_id == "c1"
    assert {answer.to, notify.to} == {PHONE}


def test_a_stranger_gets_nothing_and_is_named() -> None:
    heard = responder().hear(subscribe("MAC%3A0C1105000099"), PHONE, 0.0)
    assert heard == Heard(stranger=Mac("0c1105000099"))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00" * 50, b"SUBSCRIBE sip:x SIP/2.0\r\n\r\n", subscribe(event="presence"), subscribe("nobody"),
        subscribe().replace(b"SUBSCRIBE sip", b"OPTIONS sip").replace(b"1 SUBSCRIBE", b"1 OPTIONS"),
        subscribe() + b"x" * pnp.MAX_DATAGRAM,
    ],
)  # fmt: skip
def test_what_is_no_question_of_a_device_is_not_answered(data: bytes) -> None:
    assert responder().hear(data, PHONE, 0.0) == Heard()


def test_answers_go_to_who_asked_and_not_where_a_message_says() -> None:
    moved = subscribe().replace(b"Contact: <sip:192.0.2.50:5060>", b"Contact: <sip:198.51.100.9:9>")
    assert {each.to for each in responder().hear(moved, PHONE, 0.0).send} == {PHONE}


def test_a_notify_is_sent_until_it_is_answered_and_not_for_ever() -> None:
    core = responder()
    notify = core.hear(subscribe(), PHONE, 0.0).send[1]
    assert core.due(0.4) == []
    assert core.due(0.5) == [notify]
    sent = 2
    for now in range(2, 60):
        sent += len(core.due(float(now)))
    assert sent == MAX_TRIES
    assert not core.waiting


def test_an_answer_of_the_device_ends_it_and_nobody_elses_does() -> None:
    core = responder()
    notify = parse(core.hear(subscribe(), PHONE, 0.0).send[1].data)
    assert isinstance(notify, Request)
    ok = Response(200, headers=notify.headers.copy()).render()
    core.hear(ok, ("192.0.2.66", 5060), 0.1)
    assert core.waiting
    core.hear(ok, PHONE, 0.1)
    assert not core.waiting


def test_a_question_that_comes_again_gets_the_same_answer_and_no_second_notify() -> None:
    core = responder()
    first = core.hear(subscribe(), PHONE, 0.0).send
    assert core.hear(subscribe(), PHONE, 0.2).send == first[:1]
    assert core.hear(subscribe(), ("192.0.2.66", 5060), 0.2) == Heard()


def test_a_mac_is_answered_some_times_a_minute() -> None:
    core = responder()
    asked = [core.hear(subscribe(call=f"c{n}"), PHONE, 1.0).send for n in range(MAX_A_MINUTE + 3)]
    assert [bool(each) for each in asked] == [True] * MAX_A_MINUTE + [False] * 3
    assert core.hear(subscribe(call="later"), PHONE, 62.0).send
