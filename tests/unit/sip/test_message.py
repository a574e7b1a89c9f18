import pytest

from sip.message import Headers, Request, Response, Via, canonical, response_to
from sip.parser import parse
from sip.uri import UriError
from tests.fakes.sip import request


def test_names_have_one_spelling():
    for name in ("call-id", "CALL-ID", "i", "I", "Call-ID"):
        assert canonical(name) == "Call-ID"
    assert canonical("x-door-LABEL") == "X-Door-Label"


def test_headers_keep_order_and_lines():
    headers = Headers([("Route", "<sip:a>"), ("X-One", "1"), ("route", "<sip:b>")])
    assert headers.get_all("ROUTE") == ["<sip:a>", "<sip:b>"]
    headers.insert_first("Route", "<sip:z>")
    headers.insert_first("Via", "v")
    assert list(headers.items())[0] == ("Via", "v")
    assert headers.get("Route") == "<sip:z>"
    headers.set("Route", ["<sip:q>"])
    assert headers.get_all("Route") == ["<sip:q>"]
    headers.remove("route")
    assert "Route" not in headers
    assert headers.get("Route", "none") == "none"


def test_a_copy_is_its_own():
    headers = Headers([("X", "1")])
    copy = headers.copy()
    copy.add("X", "2")
    assert headers.get_all("X") == ["1"]


def test_what_was_read_is_read_again_after_a_change():
    message = request("INVITE")
    assert message.to_tag == ""
    message.headers.set("To", "<sip:101@edge>;tag=t")
    assert message.to_tag == "t"


@pytest.mark.parametrize("evil", ["a\r\nVia: x", "a\nb", "a\rb"])
def test_a_value_cannot_start_another_line(evil):
    with pytest.raises(ValueError, match="one line"):
        Headers([("X", evil)])
    with pytest.raises(ValueError, match="one line"):
        Request("INVITE", f"sip:{evil}")
    with pytest.raises(ValueError, match="one line"):
        Response(200, evil)


def test_content_length_is_always_what_the_body_has():
    message = request("INVITE", body=b"v=0\r\n")
    message.headers.set("Content-Length", "999")
    raw = message.render()
    assert raw.count(b"Content-Length") == 1
    assert parse(raw).body == b"v=0\r\n"


def test_a_response_copies_what_it_must():
    invite = request("INVITE", headers={"Record-Route": "<sip:p;lr>"})
    invite.headers.add("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    ringing = response_to(invite, 180, to_tag="t")
    assert ringing.headers.get_all("Via") == invite.headers.get_all("Via")
    assert (ringing.call_id, ringing.cseq, ringing.from_tag, ringing.to_tag) == (
        invite.call_id, invite.cseq, invite.from_tag, "t",
    )  # fmt: skip
    assert ringing.headers.get("Record-Route") == "<sip:p;lr>"
    assert "Record-Route" not in response_to(invite, 404, to_tag="t").headers
    assert "Record-Route" not in response_to(invite, 100).headers
    assert response_to(request("BYE", to="<sip:a@b>;tag=mine"), 200, to_tag="t").to_tag == "mine"


def test_missing_fields_raise_uri_error():
    bare = Request("INVITE", "sip:a@b")
    for read in ("call_id", "cseq", "from_", "to", "via"):
        with pytest.raises(UriError):
            getattr(bare, read)
    assert bare.contacts == ()
    assert bare.max_forwards is None
    assert bare.content_type == ""


def test_option_tags():
    message = request("INVITE", headers={"Supported": "100rel, Timer"})
    message.headers.add("Supported", "replaces")
    assert message.options("Supported") == {"100rel", "timer", "replaces"}


def test_via_in_any_shape():
    via = Via.parse("SIP / 2.0 / tcp  [2001:DB8::1] : 5070 ; branch = z9hG4bK1 ;rport")
    assert (via.transport, via.sent_by, via.branch, via.param("rport")) == (
        "TCP",
        ("[2001:db8::1]", 5070),
        "z9hG4bK1",
        "",
    )
    assert Via.parse("SIP/2.0/TLS a").sent_by == ("a", 5061)
    assert str(Via.parse("SIP/2.0/UDP a:1;rport;branch=z")) == "SIP/2.0/UDP a:1;rport;branch=z"


def test_bytes_that_are_no_utf8_go_through_untouched():
    raw = request("INVITE").render().replace(b"Max-Forwards", b"X-Latin: caf\xe9\r\nMax-Forwards")
    assert b"X-Latin: caf\xe9\r\n" in parse(raw).render()
