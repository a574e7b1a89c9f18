"""Bearer tokens: good for one audience, for minutes, and once."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.cloud.tokens import LEEWAY_S, MAX_LIFE_S, REMEMBERED_S, SeenTokens, TokenError, check, issue, issuer_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW_S = 1_800_000_000.0
CENTRAL = frozenset({"central"})


def token(life_s: int = 240, audience: str = "central", key: Ed25519PrivateKey = KEY) -> str:
    return issue(key, issuer="e-1", audience=audience, now_s=NOW_S, life_s=life_s)


def test_a_token_says_who_issued_it() -> None:
    told = token()
    assert issuer_of(told) == "e-1"
    assert check(told, KEY.public_key(), audiences=CENTRAL, now_s=NOW_S).issuer == "e-1"


@pytest.mark.parametrize(
    ("told", "now_s"),
    [
        (token(audience="edge"), NOW_S),
        (token(key=Ed25519PrivateKey.from_private_bytes(bytes(32))), NOW_S),
        (token(), NOW_S + 240 + LEEWAY_S),
        (token(life_s=MAX_LIFE_S + LEEWAY_S + 1), NOW_S),
        ("", NOW_S), ("a.b.c", NOW_S), ("..", NOW_S), ("x" * 10_000, NOW_S),
    ],
)  # fmt: skip
def test_a_token_that_is_not_good(told: str, now_s: float) -> None:
    with pytest.raises(TokenError):
        check(told, KEY.public_key(), audiences=CENTRAL, now_s=now_s)


def test_a_token_does_not_choose_its_own_algorithm() -> None:
    _, body, signature = token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    for told in (f"{header}.{body}.", f"{header}.{body}.{signature}"):
        with pytest.raises(TokenError):
            check(told, KEY.public_key(), audiences=CENTRAL, now_s=NOW_S)


def test_a_token_is_good_once() -> None:
    seen = SeenTokens()
    claims = check(token(), KEY.public_key(), audiences=CENTRAL, now_s=NOW_S)
    other = check(token(), KEY.public_key(), audiences=CENTRAL, now_s=NOW_S)
    assert [seen.first_time(each, NOW_S) for each in (claims, claims, other)] == [True, False, True]
    assert not seen.first_time(claims, NOW_S + REMEMBERED_S - 1)
