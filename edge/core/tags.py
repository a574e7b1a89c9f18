"""Credential values: one spelling of each, a keyed tag to store and look up, and the little a log may show.

A keypad gives only the PIN, so the lookup key must be the PIN itself under a key: HMAC-SHA-256 with a pepper that
never stands in the database. A value leaves this module as a tag or as the last characters of a card, nothing else.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from models.access import CredentialKind, UnlockMethod
from models.ids import CommunityId

MAX_VALUE_CHARS: Final = 128
MIN_PEPPER_BYTES: Final = 16
_HINT_CHARS: Final = 4
_HINT_FROM_CHARS: Final = 8  # a shorter card would be half given away
_HEX: Final = frozenset("0123456789ABCDEF")
_CARD_SEPARATORS: Final = str.maketrans("", "", ":- ")
_CARDS: Final = frozenset({CredentialKind.RF_CARD, CredentialKind.NFC})

KIND_OF_METHOD: Final[dict[UnlockMethod, CredentialKind]] = {
    UnlockMethod.PIN: CredentialKind.PIN,
    UnlockMethod.APT_PIN: CredentialKind.PIN,  # a method only: the credential is a PIN in both modes (decision 18)
    UnlockMethod.RF_CARD: CredentialKind.RF_CARD,
    UnlockMethod.NFC: CredentialKind.NFC,
    UnlockMethod.FACE: CredentialKind.FACE,
    UnlockMethod.BLUETOOTH: CredentialKind.BLUETOOTH,
    UnlockMethod.QR: CredentialKind.QR,
}


def normalised(kind: CredentialKind, value: str) -> str | None:
    """*value* in the one spelling of its kind (decision 6); None where no credential of that kind can have it.

    PIN: ASCII digits, nothing trimmed. Card and NFC: upper-case hexadecimal without ``:``, ``-`` and spaces, zeros
    kept. Face, Bluetooth and QR references are taken as they are. All of 1-128 characters.
    """
    if not 1 <= len(value) <= MAX_VALUE_CHARS:
        return None
    if kind is CredentialKind.PIN:
        return value if value.isascii() and value.isdigit() else None
    if kind in _CARDS:
        card = value.translate(_CARD_SEPARATORS).upper()
        return card if card and _HEX.issuperset(card) else None
    return value


def hint(kind: CredentialKind, value: str) -> str:
    """What a log may show of a normalised *value*: the last 4 characters of a card of at least 8, else nothing."""
    return value[-_HINT_CHARS:] if kind in _CARDS and len(value) >= _HINT_FROM_CHARS else ""


class Tagger:
    """Makes the tags of one community. Tags of equal values differ between kinds and between communities.

    After a pepper was replaced, what was tagged with an older one still opens, until it is tagged anew.
    """

    __slots__ = ("_community", "_keyed", "_older")

    def __init__(self, pepper: bytes, community: CommunityId, older: Sequence[bytes] = ()) -> None:
        """*pepper*: at least 16 random bytes, kept outside the database. Raises ValueError for a shorter one."""
        self._community = community
        self.renew(pepper, older)

    def __repr__(self) -> str:
        return "Tagger()"

    def renew(self, pepper: bytes, older: Sequence[bytes] = ()) -> None:
        """Tag with *pepper* from now on; tags made with *older* ones are still known."""
        self._keyed = _keyed(pepper, self._community)
        self._older = tuple(_keyed(each, self._community) for each in older)

    def tag(self, kind: CredentialKind, value: str) -> bytes:
        """The 32-byte tag of a normalised *value*."""
        return _tag(self._keyed[kind], value)

    def tags(self, kind: CredentialKind, value: str) -> tuple[bytes, ...]:
        """Every tag that a normalised *value* may be stored under, the present one first."""
        if not self._older:
            return (self.tag(kind, value),)
        return (self.tag(kind, value), *(_tag(keyed[kind], value) for keyed in self._older))

    def renewed(self, kind: CredentialKind, value: str, stored: bytes) -> bytes | None:
        """The present tag of *value*, presented as at a reader, where it is *stored* under an older one; else None."""
        spelled = normalised(kind, value) if self._older else None
        if spelled is None or stored not in self.tags(kind, spelled)[1:]:
            return None
        return self.tag(kind, spelled)

    def tag_presented(self, kind: CredentialKind, value: str) -> bytes | None:
        """The tag of *value* as presented at a reader; None where no credential of that kind can have it."""
        spelled = normalised(kind, value)
        return None if spelled is None else self.tag(kind, spelled)


_Keyed = Mapping[CredentialKind, "hmac.HMAC"]


def _keyed(pepper: bytes, community: CommunityId) -> _Keyed:
    """Keyed once for each kind: copying a half-done HMAC costs half of starting one."""
    if len(pepper) < MIN_PEPPER_BYTES:
        raise ValueError(f"the pepper has {len(pepper)} bytes, at least {MIN_PEPPER_BYTES} are needed")
    return {kind: hmac.new(pepper, f"{kind.value}\0{community}\0".encode(), hashlib.sha256) for kind in CredentialKind}


def _tag(keyed: "hmac.HMAC", value: str) -> bytes:
    own = keyed.copy()
    own.update(value.encode("utf-8", "surrogatepass"))  # JSON may carry a lone surrogate; it is just no match
    return own.digest()
