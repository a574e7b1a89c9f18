"""Bytes from a device to values, and commands to bytes. Pure.

What cannot be read is a `Refused` with its problem: never an exception, never an answer to the device (decision 6).
"""

import enum
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from edge.core.answers import rfc3339
from models.access import AccessDecision, Attempt, UnlockMethod
from models.device_events import DeviceEvent, DeviceEventType, Hello
from models.ids import Mac

MAX_PAYLOAD_BYTES: Final = 65_536
MAX_DEPTH: Final = 32
MAX_ID_CHARS: Final = 128
MAX_VALUE_CHARS: Final = 128
MAX_TEXT_CHARS: Final = 128

ATTEMPT_METHODS: Final = {
    method.value: method
    for method in (
        UnlockMethod.PIN,
        UnlockMethod.APT_PIN,
        UnlockMethod.RF_CARD,
        UnlockMethod.NFC,
        UnlockMethod.FACE,
        UnlockMethod.BLUETOOTH,
        UnlockMethod.QR,
    )
}
Value = TypeVar("Value")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339 §5.6


class Problem(enum.Enum):
    """Why a message was refused. Values are labels of a counter."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NO_ID = "no_id"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_TYPE = "unknown_type"
    BAD_TIME = "bad_time"
    BAD_VALUE = "bad_value"
    BAD_FIELD = "bad_field"
    RETAINED = "retained"


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that changes nothing. *detail* names the field and the rule, never the content."""

    problem: Problem
    detail: str


@dataclass(frozen=True, slots=True)
class Ack:
    """A device's answer to a `down` message."""

    id: str
    ok: bool
    error: str
    at_ms: int | None
    digest: str = ""  # of the credentials that a panel holds, see edge.core.panel_rights
    revision: int | None = None  # of its configuration, where the device names it apart from the id


class _Bad(Exception):
    """A field breaks its rule; becomes a `Refused` in this module."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(detail)
        self.refused = Refused(problem, detail)


def parse_time_ms(text: object) -> int | None:
    """*text* (RFC 3339 with a zone) as Unix milliseconds; None for anything else. A leap second is the one before."""
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    second = "59" if second == "60" else second
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}{second}{(fraction or '')[:7]}{zone.upper()}")
    except ValueError:
        return None
    return (moment - _EPOCH) // _MILLISECOND


def parse_attempt(device: Mac, payload: bytes) -> Attempt | Refused:
    """`up/attempt`. The value is taken as presented, nothing trimmed."""
    return _parse(payload, lambda message: _attempt(device, message))


def parse_event(device: Mac, payload: bytes) -> DeviceEvent | Refused:
    """`up/event`. Of the type's own fields those of `EVENT_FIELDS` are kept, the others ignored."""
    return _parse(payload, lambda message: _event(device, message))


def parse_hello(device: Mac, payload: bytes, *, live: bool) -> Hello | Refused:
    """`up/hello`. *live*: the message cannot have waited anywhere."""
    return _parse(payload, lambda message: _hello(device, message, live))


def parse_ack(payload: bytes) -> Ack | Refused:
    """`up/ack`. A time that cannot be read is left out: the answer counts, the clock is not learnt from it."""
    return _parse(payload, _ack)


def parse_state(payload: bytes) -> bool | Refused:
    """`up/state`, bare text: whether the device is online."""
    if payload in (b"online", b"offline"):
        return payload == b"online"
    return Refused(Problem.BAD_VALUE, "state is neither online nor offline")


def render_open(decision: AccessDecision, identity: str, expires_at_ms: int) -> bytes:
    """`down/open`. *expires_at_ms* by the device's clock."""
    fields: dict[str, object] = {
        "reason": decision.reason.value,
        "relays": list(decision.relays),
        "security_relays": list(decision.security_relays),
        "seconds": decision.seconds,
        "holds": dict(decision.holds),
        "floors": list(decision.floors),
    }
    if decision.web_relay:
        fields["web_relay"] = decision.web_relay
    return render_command(identity, expires_at_ms, fields)


def render_command(identity: str, expires_at_ms: int, fields: Mapping[str, object]) -> bytes:
    """Any `down` verb: *fields* with the id and the expiry, which no field can replace."""
    return render({**fields, "id": identity, "expires_at": rfc3339(expires_at_ms)})


def render(message: Mapping[str, object]) -> bytes:
    """Compact UTF-8 JSON. Raises TypeError for a value JSON does not know, ValueError for NaN and infinity."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


# --- reading --------------------------------------------------------------------------------------------------------


def _parse(payload: bytes, read: Callable[[Mapping[str, object]], Value]) -> Value | Refused:
    try:
        return read(_object(payload))
    except _Bad as bad:
        return bad.refused


def _object(payload: bytes) -> Mapping[str, object]:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise _Bad(Problem.TOO_LARGE, f"more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        message = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise _Bad(Problem.TOO_DEEP, f"nested deeper than {MAX_DEPTH}") from None
    except ValueError:  # a decode error is one too, and so is a number of more digits than Python converts
        raise _Bad(Problem.NOT_JSON, "not JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise _Bad(Problem.NOT_JSON, "not a JSON object")
    if _deeper_than(message, MAX_DEPTH):
        raise _Bad(Problem.TOO_DEEP, f"nested deeper than {MAX_DEPTH}")
    return message


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _deeper_than(message: object, levels: int) -> bool:
    """Whether *message* nests deeper, looked at level by level so that depth costs no stack."""
    layer = [message]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _text(message: Mapping[str, object], name: str, *, most: int = MAX_TEXT_CHARS, need: bool = False) -> str | None:
    """A text of 1 to *most* characters; None where it may be missing and is."""
    value = message.get(name)
    if value is None and not need:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= most or not _storable(value):
        raise _Bad(Problem.BAD_FIELD, f"{name} is not a text of 1-{most} characters")
    return value


def _storable(text: str) -> bool:
    """JSON may carry NUL and halves of characters, which no database takes."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _id(message: Mapping[str, object]) -> str:
    """A printable text; it comes back in answers and goes into logs."""
    value = message.get("id")
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_CHARS or not value.isprintable():
        raise _Bad(Problem.NO_ID, f"id is not a printable text of 1-{MAX_ID_CHARS} characters")
    return value


def _at_ms(message: Mapping[str, object]) -> int:
    at_ms = parse_time_ms(message.get("at"))
    if at_ms is None:
        raise _Bad(Problem.BAD_TIME, "at is not an RFC 3339 time with a zone")
    return at_ms


def _attempt(device: Mac, message: Mapping[str, object]) -> Attempt:
    identity = _id(message)
    name = message.get("method")
    method = ATTEMPT_METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise _Bad(Problem.UNKNOWN_METHOD, f"method is none of {', '.join(ATTEMPT_METHODS)}")
    at_ms = _at_ms(message)
    value = message.get("value")
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_VALUE_CHARS:
        raise _Bad(Problem.BAD_VALUE, f"value is not a text of 1-{MAX_VALUE_CHARS} characters")
    return Attempt(
        id=identity,
        device=device,
        method=method,
        value=value,
        at_ms=at_ms,
        apartment=_text(message, "apartment"),
        building=_text(message, "building"),
        device_seq=_whole(message.get("device_seq")),
    )


def _whole(value: object) -> int | None:
    """A counter that a database can hold; anything else is as if it were missing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _hello(device: Mac, message: Mapping[str, object], live: bool) -> Hello:
    relays = _whole(message.get("relays"))
    return Hello(
        device=device,
        model=_text(message, "model") or "",
        firmware=_text(message, "firmware") or "",
        ip=_text(message, "ip") or "",
        relays=relays if relays is not None and relays <= 64 else None,
        at_ms=parse_time_ms(message.get("at")),
        live=live,
    )


def _ack(message: Mapping[str, object]) -> Ack:
    ok = message.get("ok")
    if not isinstance(ok, bool):
        raise _Bad(Problem.BAD_FIELD, "ok is neither true nor false")
    return Ack(
        _id(message),
        ok,
        _short(message.get("error")),
        parse_time_ms(message.get("at")),
        _short(message.get("digest")),
        _whole(message.get("revision")),
    )


def _short(value: object) -> str:
    """What an answer says beside yes and no; nothing where it is no text."""
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


# --- events ---------------------------------------------------------------------------------------------------------

Reader = Callable[[object], object]
"""Reads one field; None = it breaks its rule. A missing field is read as None too."""


def _flag(default: bool) -> Reader:
    return lambda value: default if value is None else value if isinstance(value, bool) else None


def _relay_number(value: object) -> object:
    number = _whole(value)
    return number if number is not None and 1 <= number <= 64 else None


def _relay_state(value: object) -> object:
    return (
        value
        if isinstance(value, bool) or (isinstance(value, str) and 1 <= len(value) <= 16 and value.isprintable())
        else None
    )


def _any_method(value: object) -> object:
    return value if isinstance(value, str) and value in _METHODS else None


def _optional_text(value: object) -> object:
    if value is None:
        return ""
    return value if isinstance(value, str) and len(value) <= MAX_TEXT_CHARS and _storable(value) else None


def _optional_time(value: object) -> object:
    return "" if value is None else value if parse_time_ms(value) is not None else None


_METHODS: Final = frozenset(method.value for method in UnlockMethod)
_EVENT_TYPES: Final = {kind.value: kind for kind in DeviceEventType}

EVENT_FIELDS: Final[Mapping[DeviceEventType, Mapping[str, Reader]]] = {
    # A fire signal that does not say so is one that burns: the doors open.
    DeviceEventType.FIRE: {"active": _flag(True)},
    DeviceEventType.RELAY: {"n": _relay_number, "state": _relay_state},
    DeviceEventType.ARMING: {"armed": lambda value: value if isinstance(value, bool) else None},
    DeviceEventType.ALARM: {"zone": _optional_text, "kind": _optional_text},
    DeviceEventType.PANEL_OPENED: {
        "method": _any_method,
        "credential": _optional_text,
        "queued_since": _optional_time,
    },
    DeviceEventType.PANEL_REFUSED: {"method": _any_method, "queued_since": _optional_time},
}
"""The types' own fields and how each is read; a type that is not here has none."""


def _event(device: Mac, message: Mapping[str, object]) -> DeviceEvent:
    identity = _id(message)
    name = message.get("type")
    kind = _EVENT_TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise _Bad(Problem.UNKNOWN_TYPE, "type is no event of the contract")
    at_ms = _at_ms(message)
    fields: dict[str, object] = {}
    for field, read in EVENT_FIELDS.get(kind, {}).items():
        value = read(message.get(field))
        if value is None:
            raise _Bad(Problem.BAD_FIELD, f"{field} of {kind.value} is missing or malformed")
        if value != "":
            fields[field] = value
    return DeviceEvent(identity, device, kind, at_ms, fields)
