"""SDES of one end of a call (RFC 4568): what its descriptions say of keys, and ours to it. Other ends never see them.

An end that offers SRTP gets it, whatever the other end speaks. It offers by RTP/SAVP, or by RTP/AVP with a=crypto,
which many phones mean by "optional".
"""

import enum
from dataclasses import dataclass, replace

from sip.media.engine import SrtpKeys
from sip.sdp import Media
from sip.sdp_crypto import PLAIN_PROTOCOLS, SECURE_PROTOCOLS, Crypto, cryptos


class Srtp(enum.Enum):
    """What we offer an end of our own accord."""

    PLAIN = "plain"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(slots=True)
class _Line:
    protocol: str = ""  # as in the offer that stands
    offered: Crypto | None = None  # our key in an offer of ours
    ours: Crypto | None = None  # agreed, as is
    theirs: Crypto | None = None


class EndSecurity:
    """Keys and protocols of one end, by line."""

    def __init__(self, mode: Srtp) -> None:
        self._mode = mode
        self._lines: dict[int, _Line] = {}

    @property
    def plain(self) -> bool:
        """Whether it neither speaks SRTP nor is offered it."""
        return self._mode is Srtp.PLAIN and not any(line.theirs for line in self._lines.values())

    def offered_by_it(self, index: int, media: Media) -> None:
        """Its offer."""
        line = self._lines.setdefault(index, _Line())
        line.protocol = media.protocol
        line.theirs = next(iter(cryptos(media)), None)
        if line.theirs is None:
            line.ours = None
        elif line.ours is None or not _same_kind(line.ours, line.theirs):
            line.ours = Crypto.new(line.theirs.tag, line.theirs.suite)

    def answer_to_it(self, index: int, media: Media) -> Media:
        """*media* as the answer to its offer: the protocol it offered (RFC 3264 §6), and our key where it has one."""
        line = self._lines.get(index, _Line())
        return _with(media, line.protocol or media.protocol, line.ours)

    def offer_to_it(self, index: int, media: Media) -> Media:
        """*media* as an offer to it: as it speaks already, else as we begin with it."""
        line = self._lines.setdefault(index, _Line())
        if line.ours is not None and line.theirs is not None:
            line.offered = line.ours
        else:
            line.offered = None if self._mode is Srtp.PLAIN else line.offered or Crypto.new()
            line.protocol = _protocol(media.protocol, secure=self._mode is Srtp.REQUIRED)
        return _with(media, line.protocol, line.offered)

    def answered_by_it(self, index: int, media: Media) -> bool:
        """Its answer to our offer; False where that breaks what we offered."""
        line = self._lines.setdefault(index, _Line())
        offered = line.offered
        line.theirs = next((one for one in cryptos(media) if offered is not None and _same_kind(one, offered)), None)
        line.ours = offered if line.theirs is not None else None
        return line.theirs is not None or line.protocol not in SECURE_PROTOCOLS

    def keys(self, index: int) -> SrtpKeys | None:
        """What the relay has to know; None: RTP as it is."""
        line = self._lines.get(index)
        if line is None or line.ours is None or line.theirs is None:
            return None
        return SrtpKeys(line.ours.suite, line.theirs.key, line.ours.key)


def _same_kind(one: Crypto, other: Crypto) -> bool:
    return (one.tag, one.suite) == (other.tag, other.suite)


def _protocol(other: str, *, secure: bool) -> str:
    feedback = "F" if other.endswith("F") else ""
    return f"RTP/SAVP{feedback}" if secure else f"RTP/AVP{feedback}"


def _with(media: Media, protocol: str, key: Crypto | None) -> Media:
    if media.rejected or media.protocol not in SECURE_PROTOCOLS | PLAIN_PROTOCOLS:
        return media
    if protocol == media.protocol and key is None and not media.named("crypto"):
        return media
    attributes = tuple(attribute for attribute in media.attributes if attribute.name != "crypto")
    return replace(media, protocol=protocol, attributes=(*attributes, *([key.attribute] if key else [])))
