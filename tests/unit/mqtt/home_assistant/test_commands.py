"""No command that waited, was kept, was repeated or is not one opens anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt.home_assistant.commands import MAX_AGE_S, MAX_REMEMBERED, OPENS, Command, Heard, Refusal, parse

NOW_S = 1_772_357_400.0


def payload(cmd: object = "OPEN", at: object = NOW_S) -> bytes:
    return json.dumps({"cmd": cmd, "at": at}).encode()


@pytest.mark.parametrize(
    ("raw", "opens"),
    [
        (payload("OPEN"), True),
        (payload("UNLOCK"), True),
        (payload("LOCK"), False),
        (payload(at=NOW_S - MAX_AGE_S), True),
        (payload(at=NOW_S + MAX_AGE_S), True),
        (payload(at=int(NOW_S)), True),
    ],
)
def test_a_fresh_command_counts(raw: bytes, opens: bool) -> None:
    command = parse(raw, retained=False, now_s=NOW_S)
    assert isinstance(command, Command)
    assert command.opens is opens


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (payload(at=NOW_S - MAX_AGE_S - 0.1), Refusal.TOO_LATE),
        (payload(at=NOW_S + MAX_AGE_S + 0.1), Refusal.TOO_LATE),
        (payload(at=10**200), Refusal.TOO_LATE),
        (b"OPEN", Refusal.MALFORMED),
        (b"", Refusal.MALFORMED),
        (b"\xff", Refusal.MALFORMED),
        (b"[" * 250, Refusal.MALFORMED),
        (b'"OPEN"', Refusal.MALFORMED),
        (b'{"cmd":"OPEN"}', Refusal.MALFORMED),
        (b'{"cmd":"OPEN","at":1e999}', Refusal.MALFORMED),
        (b'{"cmd":"OPEN","at":NaN}', Refusal.MALFORMED),
        (payload(at="1772357400"), Refusal.MALFORMED),
        (payload(at=True), Refusal.MALFORMED),
        (payload("open"), Refusal.MALFORMED),
        (payload(["OPEN"]), Refusal.MALFORMED),
        (payload("OPEN" + " " * 300), Refusal.MALFORMED),
    ],
)
def test_what_is_not_a_fresh_command_is_refused(raw: bytes, refusal: Refusal) -> None:
    assert parse(raw, retained=False, now_s=NOW_S) is refusal


def test_a_retained_command_is_refused_whatever_it_says() -> None:
    assert parse(payload(), retained=True, now_s=NOW_S) is Refusal.RETAINED


@given(st.binary(max_size=300))
def test_arbitrary_bytes_open_nothing(raw: bytes) -> None:
    assert isinstance(parse(raw, retained=False, now_s=NOW_S), Refusal)


def test_the_same_command_counts_once() -> None:
    heard, command = Heard(), Command(True, NOW_S)
    assert heard.objection("door/1", command, NOW_S) is None
    assert heard.objection("door/1", command, NOW_S) is Refusal.REPEATED
    assert heard.objection("door/2", command, NOW_S) is None
    assert heard.objection("door/1", Command(True, NOW_S + 1), NOW_S) is None


def test_no_flood_makes_it_forget_what_could_be_repeated() -> None:
    heard, first = Heard(), Command(True, NOW_S)
    for n in range(MAX_REMEMBERED):
        assert heard.objection("door/1", Command(True, NOW_S + n / 1000), NOW_S) is None
    assert heard.objection("door/1", Command(True, NOW_S + 5), NOW_S) is Refusal.TOO_MANY
    assert heard.objection("door/1", first, NOW_S) is Refusal.REPEATED
    later_s = NOW_S + 3 * MAX_AGE_S  # all of them would be too late by now
    assert heard.objection("door/1", Command(True, later_s), later_s) is None


def test_what_opens_is_what_a_lock_sends() -> None:
    assert {"OPEN", "UNLOCK"} == OPENS
