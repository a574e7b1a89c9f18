"""Dialogs: keys, route sets, order of requests."""

import pytest

from sip.dialog import Dialog, DialogKey, key_of_request
from sip.message import Headers, Request, Response, response_to
from sip.uri import UriError


def invite(*extra: tuple[str, str]) -> Request:
    headers = Headers(
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("From", '"Gate" <sip:11110001@edge>;tag=a1'),
            ("To", "<sip:101@edge>"),
            ("Call-ID", "c1"),
            ("CSeq", "5 INVITE"),
            ("Contact", "<sip:11110001@192.0.2.1:5060;transport=udp>;+x=1"),
            *extra,
        ]
    )
    return Request("INVITE", "sip:101@edge", headers)


def answer(request: Request, status: int, *extra: tuple[str, str]) -> Response:
    response = response_to(request, status, to_tag="b1")
    for name, value in extra:
        response.headers.add(name, value)
    return response


ROUTES = (("Record-Route", "<sip:p2@192.0.2.20;lr>"), ("Record-Route", "<sip:p1@192.0.2.10;lr>"))


def test_the_callee_keeps_the_route_set_in_order():
    dialog = Dialog.as_uas(invite(*ROUTES), "b1", "<sip:edge@192.0.2.9>")
    assert dialog.key == DialogKey("c1", "b1", "a1")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:11110001@192.0.2.1:5060;transport=udp"
    assert bye.headers.get_all("Route") == ["<sip:p2@192.0.2.20;lr>", "<sip:p1@192.0.2.10;lr>"]
    assert bye.headers.get("From") == "<sip:101@edge>;tag=b1"
    assert bye.headers.get("To") == '"Gate" <sip:11110001@edge>;tag=a1'
    assert str(bye.cseq) == "1 BYE"


def test_the_caller_turns_the_route_set_round_and_takes_it_anew_from_the_2xx():
    request = invite()
    early = Dialog.as_uac(request, answer(request, 180, *ROUTES))
    assert early.target == "sip:101@edge"  # no Contact in this 180
    assert early.route_set == ("<sip:p1@192.0.2.10;lr>", "<sip:p2@192.0.2.20;lr>")
    early.confirm(answer(request, 200, ("Contact", "<sip:m@192.0.2.77>"), ROUTES[0]))
    assert early.confirmed
    ack = early.ack(5)
    assert (ack.uri, ack.headers.get_all("Route")) == ("sip:m@192.0.2.77", ["<sip:p2@192.0.2.20;lr>"])
    assert str(ack.cseq) == "5 ACK"
    assert early.next_hop == "sip:p2@192.0.2.20;lr"
    assert str(early.request("INFO").cseq) == "6 INFO"


def test_a_strict_router_takes_the_request_uris_place():
    strict = (("Record-Route", "<sip:old@192.0.2.20>"), ("Record-Route", "<sip:p1@192.0.2.10;lr>"))
    bye = Dialog.as_uas(invite(*strict), "b1", "<sip:edge@192.0.2.9>").request("BYE")
    assert bye.uri == "sip:old@192.0.2.20"
    assert bye.headers.get_all("Route") == ["<sip:p1@192.0.2.10;lr>", "<sip:11110001@192.0.2.1:5060;transport=udp>"]


def test_requests_may_leave_gaps_and_not_go_back():
    dialog = Dialog.as_uas(invite(), "b1", "<sip:edge@192.0.2.9>")

    def accepts(number: int) -> bool:
        return dialog.accepts(Request("INFO", "sip:x@y", Headers([("CSeq", f"{number} INFO")])))

    assert [accepts(n) for n in (5, 6, 9, 8, 9, 10)] == [False, True, True, False, False, True]


def test_the_first_request_of_the_callee_may_have_any_number():
    request = invite()
    dialog = Dialog.as_uac(request, answer(request, 200, ("Contact", "<sip:m@192.0.2.77>")))
    assert dialog.accepts(Request("BYE", "sip:x@y", Headers([("CSeq", "0 BYE")])))


def test_a_refresh_moves_the_target():
    request = invite()
    dialog = Dialog.as_uac(request, answer(request, 200, ("Contact", "<sip:m@192.0.2.77>")))
    dialog.refresh(answer(request, 200, ("Contact", "<sip:m@192.0.2.78:5080>")))
    dialog.refresh(answer(request, 200))
    assert dialog.request("UPDATE").uri == "sip:m@192.0.2.78:5080"


def test_without_a_contact_there_is_no_dialog():
    bare = invite()
    bare.headers.remove("Contact")
    with pytest.raises(UriError):
        Dialog.as_uas(bare, "b1", "<sip:edge@192.0.2.9>")
    with pytest.raises(UriError):
        Dialog.as_uac(invite(), answer(invite(), 200))


def test_the_key_of_a_request_is_seen_from_our_end():
    request = invite()
    request.headers.set("To", "<sip:101@edge>;tag=b1")
    assert key_of_request(request) == DialogKey("c1", "b1", "a1")


def test_only_requests_that_refresh_the_target_carry_a_contact_and_only_bodies_have_a_type():
    dialog = Dialog.as_uas(invite(), "b1", "<sip:edge@192.0.2.9>")
    assert "Contact" not in dialog.request("BYE").headers
    update = dialog.request("UPDATE", content_type="application/sdp", body=b"v=0\r\n")
    assert update.headers.get("Contact") == "<sip:edge@192.0.2.9>"
    assert update.content_type == "application/sdp"
    assert "Content-Type" not in dialog.request("INVITE").headers
