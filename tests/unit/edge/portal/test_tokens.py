"""Tokens end, and strangers have so many tries."""

from edge.portal.tokens import TOKEN_S, TOKENS_MAX, TRIES_A_MINUTE, TRIES_OF_ALL_A_MINUTE, Tokens, Tries


def test_a_token_ends_by_time_and_with_its_session() -> None:
    tokens = Tokens()
    token, other = tokens.issue("s_1", 0.0), tokens.issue("s_2", 0.0)
    assert tokens.session(token, TOKEN_S - 1) == "s_1"
    tokens.forget("s_1")
    assert tokens.session(token, 1.0) is None
    assert tokens.session(other, TOKEN_S) is None
    assert tokens.session("made up", 0.0) is None


def test_there_are_so_many_at_a_time() -> None:
    tokens = Tokens()
    first = tokens.issue("s_1", 0.0)
    for _ in range(TOKENS_MAX):
        tokens.issue("s_2", 0.0)
    assert tokens.session(first, 1.0) is None


def test_a_source_has_so_many_tries_a_minute_and_all_together_too() -> None:
    tries = Tries()
    assert [tries.allow("192.0.2.1", 0.0) for _ in range(TRIES_A_MINUTE + 1)] == [True] * TRIES_A_MINUTE + [False]
    assert tries.allow("192.0.2.1", 61.0)
    many = Tries()
    allowed = sum(many.allow(f"192.0.2.{n % 250}", 0.0) for n in range(2 * TRIES_OF_ALL_A_MINUTE))
    assert allowed == TRIES_OF_ALL_A_MINUTE
