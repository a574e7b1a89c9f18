"""The sums of RFC 7616 and RFC 2069, and the client's side against our own server's and a provider's habits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.authenticator import Authenticator
from sip.digest import DigestClient, digest_response, ha1, parse_digest
from sip.message import Headers, Response
from sip.uri import quote_string
from tests.fakes.sip import REALM, FakeAccounts, again, request

RFC_7616 = {
    "uri": "/dir/index.html", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "qop": "auth",
}  # fmt: skip


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_3_9_1(algorithm, response):
    secret = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    assert digest_response(algorithm, secret, RFC_7616, "GET") == response


def test_a_challenge_without_qop_is_answered_as_rfc_2069_has_it():
    fields = {"uri": "/dir/index.html", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    secret = ha1("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife")
    assert digest_response("MD5", secret, fields, "GET") == "1949323746fe6a43ef61f9606e7febea"


def test_fields_are_read_in_any_shape():
    assert parse_digest('DIGEST Realm="a, \\"b\\"" ,nonce=abc,qop="auth,auth-int"') == {
        "realm": 'a, "b"', "nonce": "abc", "qop": "auth,auth-int",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", ["Basic abc", "Digest realm", 'Digest a="1", a="2"', 'Digest a="open', "Digest a=1 b=2"]
)
def test_malformed_fields_are_none(value):
    assert parse_digest(value) is None


@given(st.text(max_size=100))
def test_any_text_is_read_or_none(text):
    parse_digest(f"Digest {text}")
    parse_digest(text)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_a_quoted_value_comes_back(text):
    assert parse_digest(f"Digest realm={quote_string(text)}") == {"realm": text}


def challenge(*lines: str, status: int = 407) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, headers=Headers([(name, line) for line in lines]))


def fields_of(message, name: str = "Proxy-Authorization") -> dict[str, str]:
    fields = parse_digest(message.headers.get(name) or "")
    assert fields is not None
    return fields


def test_our_own_server_accepts_the_client():
    server = Authenticator(REALM, FakeAccounts())
    client = DigestClient("10000001", "secret")
    first = request("INVITE")
    verdict = server.check(first, 1.0)
    asked = Response(401, headers=Headers([("WWW-Authenticate", line) for line in verdict.challenges]))
    assert client.challenged(asked, 0)
    for number in range(1, 4):  # the nonce serves on, with its count
        message = again(first)
        client.authorise(message)
        assert fields_of(message, "Authorization")["nc"] == f"{number:08x}"
        assert server.check(message, 1.0).user == "10000001"


def test_the_stronger_algorithm_is_taken_whatever_the_order():
    client = DigestClient("u", "p")
    md5 = 'Digest realm="itsp", nonce="n1", qop="auth", algorithm=MD5'
    assert client.challenged(
        challenge(md5, md5.replace("MD5", "SHA-256"), 'Digest realm="itsp", nonce="x", algorithm=X'), 0
    )
    message = request("INVITE")
    client.authorise(message)
    assert fields_of(message)["algorithm"] == "SHA-256"


def test_several_realms_are_answered_together():
    client = DigestClient("u", "p")
    assert client.challenged(challenge('Digest realm="a", nonce="1"'), 0)
    assert client.challenged(challenge('Digest realm="b", nonce="2", opaque="o", qop="auth-int,auth"'), 1)
    message = request("INVITE")
    client.authorise(message)
    lines = message.headers.get_all("Proxy-Authorization")
    assert [parse_digest(line)["realm"] for line in lines] == ["a", "b"]
    assert 'opaque="o"' in lines[1]
    assert "qop" not in lines[0]


def test_a_second_refusal_is_believed_unless_it_says_stale():
    client = DigestClient("u", "wrong")
    assert client.challenged(challenge('Digest realm="a", nonce="1", qop="auth"'), 0)
    assert not client.challenged(challenge('Digest realm="a", nonce="2", qop="auth"'), 1)
    assert client.challenged(challenge('Digest realm="a", nonce="3", qop="auth", stale=TRUE'), 1)
    assert not client.challenged(challenge('Digest realm="a", nonce="4", qop="auth", stale=true'), 2)


def test_what_cannot_be_answered_is_given_up():
    client = DigestClient("u", "p")
    assert not client.challenged(challenge('Digest realm="a", nonce="1", algorithm=SHA-512-256'), 0)
    assert not client.challenged(challenge('Digest realm="a", nonce="1", qop="auth-int"'), 0)
    assert not client.challenged(challenge("Basic x"), 0)
    assert not client.challenged(Response(401), 0)


def test_nextnonce_is_used_next():
    client = DigestClient("u", "p")
    client.challenged(challenge('Digest realm="a", nonce="1", qop="auth"', status=401), 0)
    client.authorise(request("REGISTER"))
    client.accepted(Response(200, headers=Headers([("Authentication-Info", 'nextnonce="2", qop=auth')])))
    message = request("REGISTER")
    client.authorise(message)
    fields = fields_of(message, "Authorization")
    assert (fields["nonce"], fields["nc"]) == ("2", "00000001")
