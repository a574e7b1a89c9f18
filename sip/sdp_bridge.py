"""What one leg's description becomes on the other leg (RFC 3264): our own o= line, our address where media is
anchored, codecs passed through, everything that only makes sense between the two ends dropped.
"""

import enum
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sip.media import srtp
from sip.sdp import Attribute, Codec, Direction, Media, Session, render
from sip.sdp_crypto import PLAIN_PROTOCOLS, SECURE_PROTOCOLS, cryptos

# What still means the same when media passes through the edge; anything else (ice, candidate, crypto, rtcp-fb,
# rtcp-xr, ssrc, …) names the other end or asks for something that an RTP relay does not do.
ANCHORED_ATTRIBUTES: Final = frozenset(
    {"rtpmap", "fmtp", "ptime", "maxptime", "framerate", "framesize", "quality", "imageattr", "lang", "content"}
)
ANCHORED_KINDS: Final = frozenset({"audio", "video"})


class Rejected(enum.Enum):
    """A media line that this leg does not get: port 0."""

    REJECTED = "rejected"


class Direct(enum.Enum):
    """A media line that the two ends exchange without us."""

    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Our RTP address for a media line; RTCP is the next port."""

    host: str
    port: int


Place = Anchor | Direct | Rejected


def can_anchor(media: Media) -> bool:
    """Whether the RTP relay can carry this line."""
    if media.rejected or media.kind not in ANCHORED_KINDS or not media.codecs:
        return False
    if media.protocol in SECURE_PROTOCOLS:
        return bool(cryptos(media)) and srtp.available()
    return media.protocol in PLAIN_PROTOCOLS


def acceptable(offer: Session) -> bool:
    """Whether anything in *offer* can be carried; False means 488 (RFC 3261 §13.3.1.3)."""
    return any(can_anchor(media) for media in offer.media)


def carry(source: Session, places: Sequence[Place], *, like: Session | None = None) -> tuple[Media, ...]:
    """The media lines of *source* as the other leg gets them, one for each of *places*.

    *like* is the offer that *source* answers: an answer has exactly its lines, in its order (RFC 3264 §6), whatever
    the other side sent; a line that the answer leaves out is rejected.
    """
    carried = []
    for index, (place, asked) in enumerate(zip(places, (like or source).media, strict=True)):
        media = source.media[index] if index < len(source.media) else rejected(asked)
        if media.rejected or (like is not None and _answers_another(media, asked)):
            carried.append(rejected(asked))
        else:
            carried.append(_carried(media, place))
    return tuple(carried)


def _answers_another(media: Media, offered: Media) -> bool:
    return offered.rejected or media.kind != offered.kind


def _carried(media: Media, place: Place) -> Media:
    if isinstance(place, Direct):
        return media
    if isinstance(place, Rejected) or not can_anchor(media):
        return rejected(media)
    return Media(
        media.kind,
        place.port,
        media.protocol,
        media.formats,
        place.host,
        _without_old_hold(media),
        tuple(a for a in media.attributes if a.name in ANCHORED_ATTRIBUTES),
        media.bandwidths,
    )


def _without_old_hold(media: Media) -> Direction:
    """A hold by 0.0.0.0 (RFC 2543) as a direction: our own address is a real one."""
    return Direction.of(media.direction.sends, False) if media.on_hold_by_address else media.direction


def rejected(media: Media) -> Media:
    """*media* refused: same kind, protocol and formats, port 0 (RFC 3264 §6)."""
    return Media(media.kind, 0, media.protocol, media.formats)


def refused_answer(offer: Session) -> tuple[Media, ...]:
    """An answer that takes nothing, for a 2xx that must be acknowledged only to be hung up."""
    return tuple(rejected(media) for media in offer.media)


def event_payloads(ours: Media, theirs: Media) -> frozenset[int]:
    """Payload types that carry RFC 4733 events from the peer that sent *theirs* and was sent *ours*.

    RFC 3264 §5.1: the number that a peer sends is the one that our description gave; some send their own instead,
    which is taken too unless it means something else in ours.
    """
    by_ours = {c.payload: c for c in ours.codecs}
    own = {c.payload for c in theirs.codecs if c.is_telephone_event and c.payload not in by_ours}
    return frozenset(own | {p for p, c in by_ours.items() if c.is_telephone_event})


def main_codec(media: Media) -> Codec | None:
    """The first codec of a line that is no telephone-event."""
    return next((c for c in media.codecs if not c.is_telephone_event), None)


class OwnDescription:
    """The o= line of one of our legs: fixed id, a version that rises whenever what we say changes (RFC 3264 §8)."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._id = str(secrets.randbits(48))
        self._version = 0
        self._said: tuple[tuple[Media, ...], tuple[Attribute, ...]] | None = None

    @property
    def said(self) -> tuple[Media, ...]:
        """The media lines last rendered; empty before the first."""
        return self._said[0] if self._said else ()

    def render(self, media: tuple[Media, ...], attributes: tuple[Attribute, ...] = ()) -> bytes:
        """*media* as a description of ours."""
        if (media, attributes) != self._said:
            self._said = (media, attributes)
            self._version += 1
        return render(Session(media, self._id, str(self._version), self._host, attributes=attributes))
