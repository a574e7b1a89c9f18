"""What travels between an edge and its central store: canonical JSON, its hash and signature, and answers read back.

Pure. What is long is read and hashed an item at a time, so that another thread gets its turn between two items.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.store.collector import paused_collector

VERSION: Final = 1
SNAPSHOT: Final = "snapshot"
DELTA: Final = "delta"
KINDS: Final = (
    "community", "mac", "schedule", "building", "apartment", "device", "relay", "resident", "credential", "whitelist",
    "request",
)  # fmt: skip
"""Every kind of thing, parents before children. Items may come in any order; they are put in force in this one."""

MAX_INFLATED_BYTES: Final = 64 * 1024 * 1024  # of one answer (decision 56)
MAX_ID_CHARS: Final = 128
MAX_TOKEN_CHARS: Final = 1024
MAX_ITEM_CHARS: Final = 64 * 1024
_KEY_BYTES: Final = 32
_ITEMS_A_HASHING: Final = 200
_CHARS_A_HASHING: Final = 256 * 1024
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_ID: Final = re.compile(r"[^\x00-\x20\x7f]{1,128}")


class Broken(Exception):
    """What came can't be trusted or understood as a whole: it is dropped, and the central store is told nothing."""


class Poisoned(Exception):
    """One item can't be put in force: the central store is told which and why (decision 54)."""

    def __init__(self, item: str | None, reason: str, detail: str = "", kind: str = "") -> None:
        super().__init__(f"{kind or 'item'} {item}: {reason}" + (f": {detail}" if detail else ""))
        self.item, self.kind, self.reason, self.detail = item, kind, reason, detail


@dataclass(slots=True)
class Item:
    """One thing as it is since revision *rev*; *body* None = it is gone."""

    kind: str
    id: str
    rev: int
    body: Mapping[str, Any] | None

    def __repr__(self) -> str:
        return f"Item({self.kind} {self.id} at {self.rev})"  # never the body: a PIN stands in it


@dataclass(frozen=True, slots=True)
class Answer:
    """A snapshot or a delta, its hash checked."""

    epoch: str
    mode: str
    since: int  # "from" on the wire
    to: int
    sha256: str
    items: tuple[Item, ...]
    next: str | None = None  # token of the page that follows
    confirm: bool = False
    signature: bytes | None = None
    fault: Poisoned | None = None  # the first item that is none

    @property
    def is_snapshot(self) -> bool:
        return self.mode == SNAPSHOT


# --- writing ---------------------------------------------------------------------------------------------------------


_canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: object) -> str:
    """*value* as the one JSON text that is hashed (decision 49). Raises ValueError for what JSON has no word for."""
    return _canonical(value)


def items_hash(items: Iterable[str]) -> str:
    """SHA-256 of an array of items, each given as its canonical text."""
    digest = hashlib.sha256(b"[")
    digest.update(",".join(items).encode())
    digest.update(b"]")
    return digest.hexdigest()


def signed_text(epoch: str, since: int, to: int, sha256: str) -> bytes:
    """What an answer's signature is over (decision 52)."""
    return f"{epoch}\n{since}\n{to}\n{sha256}".encode()


def sign(key: Ed25519PrivateKey, epoch: str, since: int, to: int, sha256: str) -> str:
    return base64.b64encode(key.sign(signed_text(epoch, since, to, sha256))).decode()


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as it travels: base64 of its 32 bytes."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def public_key(text: object) -> Ed25519PublicKey:
    """The key that `public_text` wrote. Raises Broken."""
    raw = _base64(text)
    if raw is None or len(raw) != _KEY_BYTES:
        raise Broken("a public key is not base64 of 32 bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


def _base64(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Answer:
    """The answer in *data*, its count and hash checked. Raises Broken. May take long: not in the event loop."""
    if len(data) > MAX_INFLATED_BYTES:
        raise Broken(f"the answer has more than {MAX_INFLATED_BYTES} bytes")
    try:
        with paused_collector():
            reader = _Reader(data.decode())
            members = reader.read()
            return _answer(members, reader.items_hash(members))
    except (ValueError, RecursionError) as error:  # halves of UTF-8 pairs and JSON nested without end among them
        raise Broken(f"the answer is not sound JSON: {type(error).__name__}") from error


def verify(answer: Answer, key: Ed25519PublicKey | None) -> None:
    """Raises Broken where a *key* is known and the answer is not signed with it."""
    if key is None:
        return
    if answer.signature is None:
        raise Broken("the answer is not signed")
    try:
        key.verify(answer.signature, signed_text(answer.epoch, answer.since, answer.to, answer.sha256))
    except InvalidSignature:
        raise Broken("the signature is not the central store's") from None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


class _Reader:
    """Reads one object whose member `items` may be long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
        self._members: dict[str, Any] = {}
        self._items_at = slice(0, 0)

    def read(self) -> dict[str, Any]:
        self._expect("{")
        if not self._took("}"):
            while True:
                self._member()
                if not self._took(","):
                    break
            self._expect("}")
        self._skip()
        if self._at != len(self._text):
            raise ValueError("something follows the answer")
        return self._members

    def items_hash(self, members: Mapping[str, Any]) -> str:
        """Of the items among the *members* that were read."""
        # Whoever writes canonical JSON has hashed what stands there; to write it all again costs as much as reading it.
        raw = self._text[self._items_at]
        if "\\u" not in raw:  # which may stand for characters that are none
            digest = hashlib.sha256()
            for start in range(0, len(raw), _CHARS_A_HASHING):
                digest.update(raw[start : start + _CHARS_A_HASHING].encode())
            if digest.hexdigest() == members.get("sha256"):
                return digest.hexdigest()
        items = members.get("items")
        return _hash_anew(items) if isinstance(items, list) else ""

    def _member(self) -> None:
        name = self._value()
        if not isinstance(name, str) or name in self._members:
            raise ValueError("a name is none, or is there twice")
        self._expect(":")
        self._members[name] = self._items() if name == "items" else self._value()

    def _items(self) -> list[Any]:
        found: list[Any] = []
        self._skip()
        begin = self._at
        self._expect("[")
        if not self._took("]"):
            text, decode = self._text, self._decode
            while True:
                self._skip()
                value, self._at = decode(text, self._at)
                found.append(value)
                if not self._took(","):
                    break
            self._expect("]")
        self._items_at = slice(begin, self._at)
        return found

    def _value(self) -> Any:
        self._skip()
        value, self._at = self._decode(self._text, self._at)
        return value

    def _skip(self) -> None:
        if self._text[self._at : self._at + 1] <= " ":  # white space, or the end
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at

    def _took(self, sign: str) -> bool:
        self._skip()
        if self._text[self._at : self._at + 1] != sign:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise ValueError(f"{sign} is missing")


def _hash_anew(items: list[Any]) -> str:
    digest = hashlib.sha256(b"[")
    for start in range(0, len(items), _ITEMS_A_HASHING):
        text = canonical(items[start : start + _ITEMS_A_HASHING])[1:-1]
        digest.update((f",{text}" if start else text).encode())
    digest.update(b"]")
    return digest.hexdigest()


def _answer(members: Mapping[str, Any], items_hash: str) -> Answer:
    if members.get("v", VERSION) != VERSION:
        raise Broken(f"the answer is of version {members['v']!r}; this edge knows {VERSION}")
    raw = members.get("items")
    if not isinstance(raw, list):
        raise Broken("the answer has no items")
    if members.get("count") != len(raw):
        raise Broken("the answer has not as many items as it says")
    if members.get("sha256") != items_hash:
        raise Broken("the items are not those that were hashed")
    since, to, mode = members.get("from"), members.get("to"), members.get("mode")
    if mode not in (SNAPSHOT, DELTA) or not _is_revision(since) or not _is_revision(to) or since > to:
        raise Broken("mode, from or to are not what they must be")
    if mode == SNAPSHOT and since != 0:
        raise Broken("a snapshot begins at 0")
    items, fault = _items(raw)
    return Answer(
        _text(members, "epoch", MAX_ID_CHARS), mode, since, to, items_hash, items, _next(members),
        members.get("confirm") is True, _base64(members.get("sig")), fault,
    )  # fmt: skip


def _is_revision(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _text(members: Mapping[str, Any], name: str, max_chars: int) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_chars or "\n" in value:
        raise Broken(f"{name} is not what it must be")
    return value


def _next(members: Mapping[str, Any]) -> str | None:
    if members.get("next") is not None:
        return _text(members, "next", MAX_TOKEN_CHARS)
    if members.get("more") is True:
        raise Broken("more is to come, but not said where")
    return None


def _items(raw: list[Any]) -> tuple[tuple[Item, ...], Poisoned | None]:
    """The items, and the first that is none. Of several about one thing the newest counts."""
    found: dict[tuple[str, str], Item] = {}
    fault: Poisoned | None = None
    for each in raw:
        item = _item(each)
        if isinstance(item, Poisoned):
            fault = fault or item
            continue
        before = found.get((item.kind, item.id))
        if before is None or before.rev <= item.rev:
            found[item.kind, item.id] = item
    return tuple(found.values()), fault


def _item(raw: Any) -> Item | Poisoned:
    if not isinstance(raw, dict):
        return Poisoned(None, "item", "an item is no object")
    kind, identity, rev, body = raw.get("kind"), raw.get("id"), raw.get("rev"), raw.get("body")
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        return Poisoned(None, "id", "an item has no fit id")
    if kind not in KINDS:
        return Poisoned(identity, "kind", "this edge knows no such kind of thing", str(kind)[:MAX_ID_CHARS])
    if not _is_revision(rev):
        return Poisoned(identity, "rev", "its revision is none", kind)
    gone = raw.get("del", False)
    if gone is True:
        return Item(kind, identity, rev, None)
    if gone is not False or not isinstance(body, dict):
        return Poisoned(identity, "body", "it has neither a body nor del", kind)
    return Item(kind, identity, rev, body)
