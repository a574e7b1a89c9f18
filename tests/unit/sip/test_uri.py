import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.uri import NameAddr, SipUri, UnsupportedScheme, UriError, escape_user, split_list, unescape

READ = [
    ("sip:101@edge", SipUri("101", "edge")),
    ("sip:2%23123@edge", SipUri("2#123", "edge")),
    ("sip:2#123@edge", SipUri("2#123", "edge")),
    ("SIP:Bob@Example.COM:5070", SipUri("Bob", "example.com", 5070)),
    ("sips:a@b;transport=tcp;transport=tcp", SipUri("a", "b", None, (("transport", "tcp"),) * 2, "sips")),
    ("sip:edge;lr", SipUri(None, "edge", None, (("lr", None),))),
    ("sip:[2001:db8::10]:5070;a=[::1]", SipUri(None, "[2001:db8::10]", 5070, (("a", "[::1]"),))),
    ("sip:a:b@c?subject=x&to=y", SipUri("a", "c", password="b", headers="subject=x&to=y")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "uri"), READ)
def test_uris_are_read(text, uri):
    assert SipUri.parse(text) == uri


@pytest.mark.parametrize(("text", "uri"), READ)
def test_what_is_written_is_read_again(text, uri):
    assert SipUri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    ["", "sip:", "101@edge", "sip:101@", "sip:a b@c", "sip:a@b:0", "sip:a@b:65536", "sip:a@b;", "sip:a@b;x y",
     "sip:a@[::1", "sip:a@b@c", "sip:a@b>", "sip:\x00@b", "sip:a@b:", "sip:@host"],
)  # fmt: skip
def test_what_is_no_uri_is_refused(text):
    with pytest.raises(UriError):
        SipUri.parse(text)


@pytest.mark.parametrize("text", ["tel:+15550100", "http://example.com", "urn:service:sos"])
def test_other_schemes_are_told_apart_from_nonsense(text):
    with pytest.raises(UnsupportedScheme):
        SipUri.parse(text)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", True),
        ("sip:c@b.com;transport=tcp;method=REGISTER?to=a", "sip:c@b.com;method=REGISTER;transport=tcp?to=a", True),
        ("sip:alice@atlanta.com?subject=a&priority=u", "sip:alice@atlanta.com?priority=u&subject=a", True),
        ("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        ("sip:a@b", "sips:a@b", False),
    ],
)  # fmt: skip
def test_equality_is_that_of_rfc_3261_19_1_4(a, b, same):
    assert SipUri.parse(a).same_as(SipUri.parse(b)) is same
    assert SipUri.parse(b).same_as(SipUri.parse(a)) is same


@given(st.text())
def test_any_user_survives_the_way_out_and_back(user):
    try:
        escaped = escape_user(user)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        return
    assert unescape(escaped) == user
    if user and ":" not in user:
        assert SipUri.parse(f"sip:{escaped}@edge").user == user


@given(st.text(max_size=300))
def test_nonsense_raises_uri_error_and_nothing_else(text):
    for read in (SipUri.parse, NameAddr.parse, split_list):
        try:
            read(text)
        except UriError:
            continue


ADDRESSES = [
    ("<sip:a@b>;tag=1", NameAddr("sip:a@b", "", (("tag", "1"),))),
    ("sip:a@b;tag=1", NameAddr("sip:a@b", "", (("tag", "1"),))),
    ('"Front \\"door\\"" <sip:a@b;lr>', NameAddr("sip:a@b;lr", 'Front "door"')),
    ("Front door <sip:a@b>;q=0.5;expires=60", NameAddr("sip:a@b", "Front door", (("q", "0.5"), ("expires", "60")))),
    ("<tel:+15550100>", NameAddr("tel:+15550100")),
    ('<sip:a@b>;+sip.instance="<urn:uuid:1>"', NameAddr("sip:a@b", "", (("+sip.instance", '"<urn:uuid:1>"'),))),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_addresses_are_read_and_written_back_alike(text, address):
    assert NameAddr.parse(text) == address
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "<>", "Bell, A <sip:a@b>", '"open <sip:a@b>', "< sip:a@b >", "sip:a@b?x=y", "<sip:a@b> x"]
)
def test_malformed_addresses_are_refused(text):
    with pytest.raises(UriError):
        NameAddr.parse(text)


@pytest.mark.parametrize("part", ["0", "a ", "\t", "0\t0 ", '"', "\\", "<", ";a", ";a=", ",", "%", "[", "::"])
def test_hostile_lengths_take_no_time(part):
    """A header is at most 8 KB; a pattern that tries every way to split it would never come back."""
    text = part * (8000 // len(part))
    for read in (NameAddr.parse, SipUri.parse, lambda t: NameAddr.parse(f"<sip:a@b>{t}"), lambda t: split_list(t)):
        began = time.process_time()
        with contextlib.suppress(UriError):
            read(text)
        assert time.process_time() - began < 0.25


def test_a_display_name_cannot_break_out_of_its_quotes():
    written = str(NameAddr("sip:a@b", 'x" <sip:evil@c>\r\nVia: y'))
    assert "\r" not in written
    assert NameAddr.parse(written).uri == "sip:a@b"


def test_commas_in_quotes_and_brackets_separate_nothing():
    assert split_list('"a, b" <sip:x@y>, <sip:c,d@e>;p=1') == ['"a, b" <sip:x@y>', "<sip:c,d@e>;p=1"]
    for broken in ("<sip:a@b>, ", ",<sip:a@b>", '<sip:a@b>, "open'):
        with pytest.raises(UriError):
            split_list(broken)
