import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import AccessDecision, Attempt, Reason, UnlockMethod
from models.device_events import DeviceEvent, DeviceEventType, Hello
from models.ids import Mac
from mqtt.payloads import (
    EVENT_FIELDS,
    MAX_DEPTH,
    MAX_PAYLOAD_BYTES,
    Ack,
    Problem,
    Refused,
    parse_ack,
    parse_attempt,
    parse_event,
    parse_hello,
    parse_state,
    parse_time_ms,
    render,
    render_command,
    render_open,
)

DOOR = Mac("0c1105000001")
GOOD: Mapping[str, object] = {"id": "a-1", "at": "2026-03-01T09:30:00.250Z", "method": "pin", "value": "123456"}


def raw(message: object) -> bytes:
    return json.dumps(message).encode()


def attempt(**changes: object) -> Attempt | Refused:
    """A good attempt with *changes*; None takes a field away."""
    message = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return parse_attempt(DOOR, raw(message))


def event(kind: str, **fields: object) -> DeviceEvent | Refused:
    return parse_event(DOOR, raw({"id": "e-1", "at": "2026-03-01T09:30:00Z", "type": kind, **fields}))


# --- attempts -------------------------------------------------------------------------------------------------------


def test_an_attempt_is_read_whole() -> None:
    assert attempt(method="apt_pin", apartment="101", building="A", device_seq=7, unknown=[1]) == Attempt(
        id="a-1",
        device=DOOR,
        method=UnlockMethod.APT_PIN,
        value="123456",
        at_ms=1772357400250,
        apartment="101",
        building="A",
        device_seq=7,
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": None}, Problem.NO_ID),
        ({"id": ""}, Problem.NO_ID),
        ({"id": 7}, Problem.NO_ID),
        ({"id": "a\nb"}, Problem.NO_ID),
        ({"id": "x" * 129}, Problem.NO_ID),
        ({"method": None}, Problem.UNKNOWN_METHOD),
        ({"method": "dtmf"}, Problem.UNKNOWN_METHOD),
        ({"method": "PIN"}, Problem.UNKNOWN_METHOD),
        ({"method": ["pin"]}, Problem.UNKNOWN_METHOD),
        ({"at": None}, Problem.BAD_TIME),
        ({"at": "2026-03-01T09:30:00"}, Problem.BAD_TIME),
        ({"at": "2026-03-01"}, Problem.BAD_TIME),
        ({"at": "2026-02-30T09:30:00Z"}, Problem.BAD_TIME),
        ({"at": "20260301T093000Z"}, Problem.BAD_TIME),
        ({"at": 1772357400}, Problem.BAD_TIME),
        ({"value": None}, Problem.BAD_VALUE),
        ({"value": ""}, Problem.BAD_VALUE),
        ({"value": "x" * 129}, Problem.BAD_VALUE),
        ({"value": 123456}, Problem.BAD_VALUE),
        ({"apartment": 101}, Problem.BAD_FIELD),
        ({"building": ""}, Problem.BAD_FIELD),
        ({"building": "\ud800"}, Problem.BAD_FIELD),
        ({"apartment": "1\0"}, Problem.BAD_FIELD),
    ],
)
def test_a_malformed_attempt_is_refused_with_its_problem(changes: dict[str, object], problem: Problem) -> None:
    refused = attempt(**changes)
    assert isinstance(refused, Refused)
    assert refused.problem is problem


@pytest.mark.parametrize("value", [" 123456", "１２３", "12a4", "x" * 128, "04:A1-b2 00"])
def test_a_value_is_taken_as_presented(value: str) -> None:
    parsed = attempt(value=value)
    assert isinstance(parsed, Attempt)
    assert parsed.value == value


@pytest.mark.parametrize("seq", [-1, True, "7", 1.5, 2**63])
def test_a_sequence_number_that_is_none_is_as_if_missing(seq: object) -> None:
    parsed = attempt(device_seq=seq)
    assert isinstance(parsed, Attempt)
    assert parsed.device_seq is None


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", Problem.NOT_JSON),
        (b"\xff\xfe", Problem.NOT_JSON),
        (b'{"id":', Problem.NOT_JSON),
        (b"[]", Problem.NOT_JSON),
        (b'"pin"', Problem.NOT_JSON),
        (b'{"id":"a","n":NaN}', Problem.NOT_JSON),
        (b'{"id":"a","n":' + b"9" * 5000 + b"}", Problem.NOT_JSON),
        (b"\xef\xbb\xbf{}", Problem.NOT_JSON),
        ("{}".encode("utf-16"), Problem.NOT_JSON),
        (b"[" * 30_000, Problem.TOO_DEEP),
        (b'{"a":' * 10_000, Problem.TOO_DEEP),
    ],
)
def test_what_is_no_json_object_is_refused(payload: bytes, problem: Problem) -> None:
    for refused in (parse_attempt(DOOR, payload), parse_event(DOOR, payload), parse_ack(payload)):
        assert isinstance(refused, Refused)
        assert refused.problem is problem


def test_depth_is_counted_to_the_level() -> None:
    def nested(levels: int) -> object:
        return [nested(levels - 1)] if levels else 0

    assert isinstance(attempt(extra=nested(MAX_DEPTH - 1)), Attempt)  # the object itself is one level
    refused = attempt(extra=nested(MAX_DEPTH))
    assert isinstance(refused, Refused)
    assert refused.problem is Problem.TOO_DEEP


def test_the_largest_payload_is_allowed_and_one_byte_more_is_not() -> None:
    short = raw({**GOOD, "pad": ""})
    largest = raw({**GOOD, "pad": "x" * (MAX_PAYLOAD_BYTES - len(short))})
    assert len(largest) == 65_536
    assert isinstance(parse_attempt(DOOR, largest), Attempt)
    refused = parse_attempt(DOOR, largest + b" ")
    assert isinstance(refused, Refused)
    assert refused.problem is Problem.TOO_LARGE


def test_a_refusal_never_repeats_what_was_presented() -> None:
    refused = attempt(value="4711" * 40)
    assert isinstance(refused, Refused)
    assert "4711" not in refused.detail


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_a_refusal(payload: bytes) -> None:
    parse_attempt(DOOR, payload)
    parse_event(DOOR, payload)
    parse_hello(DOOR, payload, live=True)
    parse_ack(payload)
    parse_state(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ("id", "at", "method", "value", "type", "active", "n", "state", "armed", "ok", "apartment", "relays")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_object_is_a_value_or_a_refusal(message: dict[str, object]) -> None:
    payload = raw(message)
    for found in (parse_attempt(DOOR, payload), parse_event(DOOR, payload), parse_ack(payload)):
        assert isinstance(found, Attempt | DeviceEvent | Ack | Refused)


@given(
    st.text(min_size=1, max_size=128).filter(str.isprintable),
    st.text(min_size=1, max_size=128).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text)),
    st.sampled_from(["pin", "apt_pin", "rf_card", "nfc", "face", "bluetooth", "qr"]),
)
def test_what_is_well_formed_is_read_back(identity: str, value: str, method: str) -> None:
    parsed = attempt(id=identity, value=value, method=method)
    assert isinstance(parsed, Attempt)
    assert (parsed.id, parsed.value, parsed.method.value) == (identity, value, method)


# --- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.1234567Z", 123),
        ("1970-01-01t03:00:00.5+03:00", 500),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2016-12-31T23:59:60Z", 1483228799000),
        ("9999-12-31T23:59:59-12:00", 253402343999000),
        ("0001-01-01T00:00:00+14:00", -62135647200000),
        ("2026-03-01T09:30:00+25:00", None),
        ("2026-03-01T09:30Z", None),
        ("２０２６-03-01T09:30:00Z", None),
        (None, None),
    ],
)
def test_times(text: object, ms: int | None) -> None:
    assert parse_time_ms(text) == ms


# --- events, hello, ack, state --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "kept"),
    [
        ("exit_button", {"who": "x"}, {}),
        ("fire", {"active": True}, {"active": True}),
        ("fire", {"active": False}, {"active": False}),
        ("fire", {}, {"active": True}),
        ("relay", {"n": 1, "state": "on"}, {"n": 1, "state": "on"}),
        ("relay", {"n": 4, "state": False}, {"n": 4, "state": False}),
        ("arming", {"armed": False}, {"armed": False}),
        ("alarm", {}, {}),
        ("alarm", {"zone": "hall"}, {"zone": "hall"}),
        ("panel_opened", {"method": "rf_card", "credential": "c-1"}, {"method": "rf_card", "credential": "c-1"}),
    ],
)
def test_an_event_keeps_its_own_fields(kind: str, fields: dict[str, object], kept: dict[str, object]) -> None:
    parsed = event(kind, **fields)
    assert parsed == DeviceEvent("e-1", DOOR, DeviceEventType(kind), 1772357400000, kept)


@pytest.mark.parametrize("kind", [kind for kind in DeviceEventType if not EVENT_FIELDS.get(kind)])
def test_every_other_type_needs_no_field(kind: DeviceEventType) -> None:
    assert isinstance(event(kind.value), DeviceEvent)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("fire", {"active": "yes"}),
        ("relay", {"n": 0, "state": "on"}),
        ("relay", {"n": 1}),
        ("relay", {"n": True, "state": "on"}),
        ("arming", {}),
        ("panel_opened", {}),
        ("panel_opened", {"method": "magic"}),
        ("panel_opened", {"method": "pin", "queued_since": "yesterday"}),
        ("alarm", {"zone": "x" * 200}),
    ],
)
def test_an_event_with_a_bad_field_is_refused(kind: str, fields: dict[str, object]) -> None:
    refused = event(kind, **fields)
    assert isinstance(refused, Refused)
    assert refused.problem is Problem.BAD_FIELD


def test_an_unknown_event_is_refused() -> None:
    refused = event("dance")
    assert isinstance(refused, Refused)
    assert refused.problem is Problem.UNKNOWN_TYPE


def test_hello() -> None:
    message = {
        "model": "R29",
        "firmware": "1.2",
        "ip": "192.0.2.7",
        "relays": 2,
        "type": 0,
        "at": "1970-01-01T00:01:00Z",
    }
    assert parse_hello(DOOR, raw(message), live=True) == Hello(DOOR, "R29", "1.2", "192.0.2.7", 2, 60_000, True)
    assert parse_hello(DOOR, b"{}", live=False) == Hello(DOOR, "", "", "", None, None, False)


def test_ack() -> None:
    assert parse_ack(raw({"id": "c", "ok": True})) == Ack("c", True, "", None)
    answered = parse_ack(raw({"id": "c", "ok": False, "error": "expired", "at": "1970-01-01T00:00:01Z"}))
    assert answered == Ack("c", False, "expired", 1000)
    refused = parse_ack(raw({"id": "c", "ok": "yes"}))
    assert isinstance(refused, Refused)
    assert refused.problem is Problem.BAD_FIELD


def test_state_is_bare_text() -> None:
    assert parse_state(b"online") is True
    assert parse_state(b"offline") is False
    for payload in (b"", b"Online", b"online\n", b'"online"', b"\xff"):
        assert isinstance(parse_state(payload), Refused)


# --- rendering ------------------------------------------------------------------------------------------------------

GRANT = AccessDecision(
    Reason.GRANTED,
    relays=(1, 2),
    security_relays=(1,),
    holds={"1": 3, "2": 7, "s1": 5},
    floors=("1", "B1"),
    web_relay=9,
)


def test_an_opening_carries_all_that_the_door_needs() -> None:
    assert json.loads(render_open(GRANT, "o-1", 1000)) == {
        "id": "o-1",
        "relays": [1, 2],
        "security_relays": [1],
        "seconds": 7,
        "holds": {"1": 3, "2": 7, "s1": 5},
        "floors": ["1", "B1"],
        "web_relay": 9,
        "reason": "granted",
        "expires_at": "1970-01-01T00:00:01.000Z",
    }


def test_no_field_replaces_the_id_or_the_expiry() -> None:
    body = json.loads(render_command("c-1", 0, {"id": "other", "expires_at": "never", "mode": "home"}))
    assert body == {"id": "c-1", "expires_at": "1970-01-01T00:00:00.000Z", "mode": "home"}


def test_what_is_no_json_is_not_sent() -> None:
    with pytest.raises(ValueError, match="float"):
        render({"n": float("nan")})
    with pytest.raises(TypeError):
        render({"n": b"bytes"})
