"""Logins of devices at the HTTP server, by Basic and by Digest as httpx answers it."""

from collections.abc import Generator
from typing import Final

import httpx
import pytest

from edge.http.digest import MAX_HEADER, NONCE_LIVES_S, REALM, Challenger, Shown, is_right

URL: Final = "http://edge.test/provision/0c1105000001.cfg"
PATH: Final = "/provision/0c1105000001.cfg"
NOW_S: Final = 1_767_268_800.0


def answer(challenger: Challenger, algorithm: str, user: str, password: str, asked_at_s: float = NOW_S) -> str:
    """The Authorization header of a client that was asked by *algorithm*."""
    (challenge,) = [c for c in challenger.challenges(asked_at_s) if f"algorithm={algorithm}," in c]
    flow: Generator[httpx.Request, httpx.Response, None] = httpx.DigestAuth(user, password).auth_flow(
        httpx.Request("GET", URL)
    )
    request = next(flow)
    request = flow.send(httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=request))
    return request.headers["authorization"]


def read(challenger: Challenger, header: str, path: str = PATH, now_s: float = NOW_S) -> Shown | None:
    return challenger.read(header, "GET", path, now_s)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_a_right_answer_proves_the_password(algorithm: str) -> None:
    challenger = Challenger()
    shown = read(challenger, answer(challenger, algorithm, "0c1105000001", "secret"))
    assert shown is not None
    assert shown.user == "0c1105000001"
    assert is_right(shown, "secret")
    assert not is_right(shown, "another")
    assert not is_right(shown, None)


def test_an_answer_for_another_file_another_time_or_another_server_is_none() -> None:
    challenger = Challenger()
    header = answer(challenger, "MD5", "0c1105000001", "secret")
    assert read(challenger, header, path="/provision/0c1105000002.cfg") is None
    assert read(challenger, header, now_s=NOW_S + NONCE_LIVES_S) is None
    assert read(challenger, header, now_s=NOW_S - 1) is None
    assert read(Challenger(), header) is None


def test_basic_proves_the_password() -> None:
    header = httpx.Headers({})
    request = next(httpx.BasicAuth("0c1105000001", "sec:ret").auth_flow(httpx.Request("GET", URL, headers=header)))
    shown = read(Challenger(), request.headers["authorization"])
    assert is_right(shown, "sec:ret")
    assert not is_right(shown, "sec")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic /w==",
        "Basic bm9ib2R5",
        "Bearer x",
        "Digest",
        f'Digest realm="{REALM}", qop=auth, uri="{PATH}", nonce="0.0", username="x", cnonce="a", nc=1, response="b"',
        f'Digest realm="{REALM}", algorithm=SHA-1, qop=auth, uri="{PATH}", nonce="zz", username="x"',
        "Digest " + 'a="' * 100,
        "Digest " + "x" * MAX_HEADER,
    ],
)
def test_what_is_no_login_says_nothing(header: str) -> None:
    assert read(Challenger(), header) is None
    assert not is_right(None, "secret")


def test_the_strongest_challenge_comes_first() -> None:
    kinds = [challenge.split()[0] for challenge in Challenger().challenges(NOW_S)]
    assert kinds == ["Digest", "Digest", "Basic"]
    assert "algorithm=SHA-256" in Challenger().challenges(NOW_S)[0]
