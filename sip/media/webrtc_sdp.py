"""What the apps' side of a call answers to the description that it is rung with: which codec, which of our ports."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sip.sdp import Codec, Direction, Media, SdpError, Session, parse, render
from sip.sdp_bridge import rejected

AUDIO_CODECS: Final[Mapping[str, str]] = {
    "PCMU": "audio/pcmu", "PCMA": "audio/pcma", "G722": "audio/g722", "OPUS": "audio/opus",
}  # fmt: skip
"""Names in descriptions (RFC 3551, RFC 7587) and in WebRTC; what every browser has, and passes unchanged."""

_PARAMETER_BYTES_MAX: Final = 1024


class Unusable(ValueError):
    """No sound in this description can be passed to an app."""


@dataclass(frozen=True, slots=True)
class Line:
    """One media line that was agreed on, and where its other side is."""

    index: int
    codec: Codec
    host: str
    port: int
    rtcp: tuple[str, int]
    sends: bool  # the other side does
    receives: bool


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an app hears and sees of a call."""

    audio: Line
    video: Line | None
    offer: Session

    @property
    def mime(self) -> str:
        return AUDIO_CODECS[self.audio.codec.name.upper()]


def agree(offer: bytes, *, video: bool = True) -> Agreed:
    """The caller's first codec that apps have, and H.264 where there is any. Raises Unusable."""
    try:
        session = parse(offer)
    except SdpError as error:
        raise Unusable(str(error)) from None
    audio = seen = None
    for index, media in enumerate(session.media):
        if media.rejected:
            continue
        if media.kind == "audio" and audio is None:
            audio = _line(index, media, next((c for c in media.codecs if c.name.upper() in AUDIO_CODECS), None))
        elif media.kind == "video" and seen is None and video:
            seen = _line(index, media, _h264(media))
    if audio is None:
        raise Unusable("there is no sound that an app can hear")
    return Agreed(audio, seen, session)


def answer(agreed: Agreed, host: str, audio_port: int, video_port: int) -> bytes:
    """The answer to what was agreed on; RTCP is on the port after each."""
    ports = {agreed.audio.index: audio_port}
    lines = {agreed.audio.index: agreed.audio}
    if agreed.video is not None:
        ports[agreed.video.index], lines[agreed.video.index] = video_port, agreed.video
    media = tuple(
        _answered(offered, lines[index], host, ports[index]) if index in lines else rejected(offered)
        for index, offered in enumerate(agreed.offer.media)
    )
    return render(Session(media, "1", "1", host))


def parameter_sets(line: Line) -> tuple[bytes, ...]:
    """SPS and PPS that stand in the description (RFC 6184 §8.1) instead of the stream."""
    for part in line.codec.fmtp.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "sprop-parameter-sets":
            try:
                sets = tuple(base64.b64decode(one, validate=True) for one in value.split(","))
            except binascii.Error:
                return ()
            return sets if sum(map(len, sets)) <= _PARAMETER_BYTES_MAX and all(sets) else ()
    return ()


def _line(index: int, media: Media, codec: Codec | None) -> Line | None:
    if codec is None:
        return None
    return Line(index, codec, media.host, media.port, media.rtcp, media.direction.sends, media.direction.receives)


def _h264(media: Media) -> Codec | None:
    """Mode 1 first; mode 0 can be passed as such, since every payload of it is one of mode 1, too."""
    found = [codec for codec in media.codecs if codec.name.upper() == "H264"]
    return next((codec for codec in found if "packetization-mode=1" in codec.fmtp), next(iter(found), None))


def _answered(offered: Media, line: Line, host: str, port: int) -> Media:
    payload = str(line.codec.payload)
    kept = tuple(
        attribute
        for attribute in offered.attributes
        if attribute.name in ("rtpmap", "fmtp") and (attribute.value or "").split(" ")[0] == payload
    )
    ours_sends = offered.kind == "audio" and line.receives
    direction = Direction.of(ours_sends, line.sends)
    return Media(offered.kind, port, offered.protocol, (payload,), host, direction, kept)
