"""What an app may send on `/ws` (docs/app-protocol.md): each type with its keys, and what each key may hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sip.media.webrtc import OFFER_CHARS_MAX

VERSION: Final = 1
WORD_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 1024
ASK_LIMIT_MAX: Final = 100
_YEAR_9999_MS: Final = 253_402_300_800_000

Check = Callable[[object], bool]


class BadMessage(Exception):
    """A message that cannot be read. *re*: its id, where it had one."""

    def __init__(self, why: str, re: str = "") -> None:
        super().__init__(why)
        self.re = re


def _word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= WORD_CHARS_MAX and value.isprintable()


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_CHARS_MAX and value.isprintable()


def _sdp(value: object) -> bool:
    return isinstance(value, str) and len(value) <= OFFER_CHARS_MAX


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _YEAR_9999_MS


def _limit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= ASK_LIMIT_MAX


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


@dataclass(frozen=True, slots=True)
class _Shape:
    must: Mapping[str, Check]
    may: Mapping[str, Check]


_CALL: Final[Mapping[str, Check]] = {"call": _word}
_SHAPES: Final[Mapping[str, _Shape]] = {
    "hello": _Shape({"session": _word, "signature": _text}, {"language": _word, "visible": _flag}),
    "ping": _Shape({}, {}),
    "pong": _Shape({"re": _word}, {}),
    "presence": _Shape({"visible": _flag}, {}),
    "offer": _Shape({**_CALL, "sdp": _sdp}, {}),
    "answer": _Shape(_CALL, {}),
    "decline": _Shape(_CALL, {}),
    "hangup": _Shape(_CALL, {}),
    "dial": _Shape({}, {"door": _word, "apartment": _text, "guard": _flag}),
    "talk": _Shape({**_CALL, "on": _flag}, {}),
    "open": _Shape({"nonce": _word, "relay": _word}, {"call": _word, "door": _word}),
    "ask": _Shape(
        {"what": _word},
        {
            "limit": _limit, "before_ms": _time,
            "apartment": _text, "name": _text, "until_ms": _time, "from_ms": _time, "uses": _limit, "kind": _word,
            "pass": _word, "from": _or_none(_word), "until": _or_none(_word),
            "endpoint": _or_none(_text), "p256dh": _text, "auth": _text, "monitor": _word, "armed": _flag,
        },
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has the keys of its type, each of the right kind."""

    type: str
    id: str
    fields: Mapping[str, Any]


def read(document: object) -> Message:
    """Raises BadMessage."""
    if not isinstance(document, dict):
        raise BadMessage("not an object")
    identity = document.get("id")
    if not _word(identity):
        raise BadMessage("no id")
    re = str(identity)
    kind = document.get("type")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if document.get("v") != VERSION or shape is None:
        raise BadMessage("another version or type", re)
    fields = {str(key): value for key, value in document.items() if key not in ("v", "id", "type")}
    for key, value in fields.items():
        check = shape.must.get(key) or shape.may.get(key)
        if check is None or not check(value):
            raise BadMessage(f"{key} is not as it should be", re)
    if not shape.must.keys() <= fields.keys():
        raise BadMessage("a key is missing", re)
    return Message(str(kind), re, fields)
