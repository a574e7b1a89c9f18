"""Bencoding, the notation of rtpengine's control protocol: integers, byte strings, lists, dictionaries."""

from collections.abc import Mapping, Sequence
from typing import Final

DEPTH_MAX: Final = 32
_DIGITS_MAX: Final = 20

Value = int | str | list["Value"] | dict[str, "Value"]
Input = int | str | bytes | Sequence["Input"] | Mapping[str, "Input"]


class BencodeError(ValueError):
    """Bytes that are no bencoded value."""


def encode(value: Input) -> bytes:
    """*value* in bytes; text as UTF-8, keys sorted."""
    match value:
        case int():
            return b"i%de" % value
        case str():
            return encode(value.encode())
        case bytes():
            return b"%d:%s" % (len(value), value)
        case Mapping():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
        case _:
            return b"l" + b"".join(encode(one) for one in value) + b"e"


def decode(data: bytes) -> Value:
    """The one value that *data* is. Byte strings become text; what is no UTF-8 in them is replaced."""
    reader = _Reader(data)
    value = reader.value(DEPTH_MAX)
    if reader.at != len(data):
        raise BencodeError("more follows the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Value:
        if depth == 0:
            raise BencodeError("nested too deeply")
        match self._data[self.at : self.at + 1]:
            case b"i":
                self.at += 1
                return self._number(b"e")
            case b"l":
                return list(self._items(depth))
            case b"d":
                items = list(self._items(depth))
                keys = items[::2]
                if len(items) % 2 or not all(isinstance(key, str) for key in keys):
                    raise BencodeError("a dictionary without a value for each key")
                return dict(zip(map(str, keys), items[1::2], strict=True))
            case _:
                return self._text()

    def _items(self, depth: int) -> list[Value]:
        self.at += 1
        items: list[Value] = []
        while self._data[self.at : self.at + 1] != b"e":
            items.append(self.value(depth - 1))
        self.at += 1
        return items

    def _text(self) -> str:
        size = self._number(b":")
        end = self.at + size
        if not 0 <= size <= len(self._data) - self.at:
            raise BencodeError("a string that is longer than the message")
        text = self._data[self.at : end].decode("utf-8", "replace")
        self.at = end
        return text

    def _number(self, end: bytes) -> int:
        stop = self._data.find(end, self.at, self.at + _DIGITS_MAX)
        digits = self._data[self.at : max(stop, self.at)]
        if not digits.removeprefix(b"-").isdigit():
            raise BencodeError("not a number")
        self.at = stop + 1
        return int(digits)
