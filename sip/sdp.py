"""Session descriptions (RFC 8866): bytes to values and back. What crosses from one leg to the other: `sip.sdp_bridge`.

Parsing settles inheritance: connection address and direction are those of each media line afterwards, whether they
stood at session or at media level.
"""

import enum
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

SDP_BYTES_MAX: Final = 32_768
LINES_MAX: Final = 1_000
MEDIA_LINES_MAX: Final = 16
FORMATS_MAX: Final = 64
CODEC_LISTS_KEPT: Final = 256
ATTRIBUTES_MAX: Final = 200  # of one media line

_HOST: Final = re.compile(r"[0-9A-Za-z.:_-]{1,255}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z/-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class SdpError(ValueError):
    """Not a session description that can be used; the text says what is wrong (answer: 400 or 488)."""


class Direction(enum.Enum):
    """RFC 3264 §5.1, as seen by whoever sent the description."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @staticmethod
    def of(sends: bool, receives: bool) -> "Direction":
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


@dataclass(frozen=True, slots=True)
class Attribute:
    """``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None


MUX: Final = Attribute("rtcp-mux")


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of a media line."""

    payload: int
    name: str  # as written, compare with casefold
    clock_hz: int
    fmtp: str = ""

    @property
    def is_telephone_event(self) -> bool:
        return self.name.casefold() == "telephone-event"


# RFC 3551 §6: what a payload number means without an rtpmap.
_STATIC: Final[Mapping[int, tuple[str, int]]] = {
    0: ("PCMU", 8000), 3: ("GSM", 8000), 4: ("G723", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 13: ("CN", 8000),
    18: ("G729", 8000), 26: ("JPEG", 90000), 31: ("H261", 90000), 34: ("H263", 90000),
}  # fmt: skip


@dataclass(frozen=True)
class Media:
    """One media line with what belongs to it."""

    kind: str  # audio, video, …
    port: int  # 0 = rejected
    protocol: str  # RTP/AVP, …
    formats: tuple[str, ...]
    host: str = ""  # connection address; "" only in a rejected line
    direction: Direction = Direction.SENDRECV
    attributes: tuple[Attribute, ...] = ()  # without the direction
    bandwidths: tuple[str, ...] = ()  # "AS:128"

    @property
    def rejected(self) -> bool:
        return self.port == 0

    @property
    def on_hold_by_address(self) -> bool:
        """RFC 2543's way of holding: a connection address that is no address."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    @functools.cached_property
    def codecs(self) -> tuple[Codec, ...]:
        """The payload types of an RTP line in order of preference; formats that are no numbers are left out."""
        return _codecs(self.formats, self.attributes)

    @property
    def rtcp(self) -> tuple[str, int]:
        """Where the sender wants RTCP: `a=rtcp` (RFC 3605), else the next port."""
        for attribute in self.named("rtcp"):
            match = re.fullmatch(r"([0-9]{1,5})(?: IN IP[46] ([0-9A-Za-z.:]+))?", attribute.value or "")
            if match and 0 < int(match[1]) < 65536:
                return match[2] or self.host, int(match[1])
        return self.host, self.port + 1

    @property
    def muxed(self) -> bool:
        """RTCP may come, or comes, on the port of RTP (RFC 5761)."""
        return bool(self.named(MUX.name))

    def named(self, name: str) -> tuple[Attribute, ...]:
        return tuple([a for a in self.attributes if a.name == name])


@dataclass(frozen=True, slots=True)
class Session:
    """A description as far as the edge cares. *origin* is what the o= line says after its user name."""

    media: tuple[Media, ...]
    session_id: str = "0"
    version: str = "0"
    origin_host: str = "127.0.0.1"
    name: str = "-"
    attributes: tuple[Attribute, ...] = field(default=())  # session level, without the direction


@functools.lru_cache(maxsize=CODEC_LISTS_KEPT)
def _codecs(formats: tuple[str, ...], attributes: tuple[Attribute, ...]) -> tuple[Codec, ...]:
    """A phone says the same in every call, and each description is looked at several times."""
    maps, fmtps = _by_payload(attributes, "rtpmap"), _by_payload(attributes, "fmtp")
    found = (_codec(text, maps.get(text, ""), fmtps.get(text, "")) for text in formats)
    return tuple(codec for codec in found if codec is not None)


def _by_payload(attributes: tuple[Attribute, ...], name: str) -> dict[str, str]:
    parts = (a.value.partition(" ") for a in attributes if a.name == name and a.value)
    return {payload: rest for payload, _, rest in parts}


def _codec(text: str, rtpmap: str, fmtp: str) -> Codec | None:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 127:
        return None
    payload = int(text)
    match = re.match(r"([^/\s]+)/([0-9]{1,7})", rtpmap)
    if match:
        return Codec(payload, match[1], int(match[2]), fmtp)
    name, clock_hz = _STATIC.get(payload, ("", 8000))
    return Codec(payload, name, clock_hz, fmtp)


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Section:
    """Lines of the session or of one media line while they are collected."""

    m_line: str = ""
    host: str = ""
    direction: Direction | None = None
    attributes: list[Attribute] = field(default_factory=list)
    bandwidths: list[str] = field(default_factory=list)


def parse(body: bytes) -> Session:
    """*body* as a description. Raises SdpError; unknown line types are ignored as RFC 8866 §5 asks."""
    head = _Section()
    sections: list[_Section] = []
    origin: tuple[str, str, str] | None = None
    name = "-"
    current = head
    for kind, value in _lines(body):
        if kind == "o" and current is head:
            origin = _origin(value)
        elif kind == "s" and current is head:
            name = value or "-"
        elif kind == "m":
            if len(sections) == MEDIA_LINES_MAX:
                raise SdpError(f"more than {MEDIA_LINES_MAX} media lines")
            current = _Section(m_line=value)
            sections.append(current)
        else:
            _collect(current, kind, value)
    if origin is None:
        raise SdpError("no o= line")
    media = tuple(_media(section, head) for section in sections)
    return Session(media, *origin, name=name, attributes=tuple(head.attributes))


def _lines(body: bytes) -> Iterable[tuple[str, str]]:
    if len(body) > SDP_BYTES_MAX:
        raise SdpError("description too long")
    text = body.decode("utf-8", "surrogateescape")
    if _FORBIDDEN.search(text):
        raise SdpError("control character in the description")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > LINES_MAX:
        raise SdpError(f"more than {LINES_MAX} lines")
    if lines[0].strip() != "v=0":
        raise SdpError("does not begin with v=0")
    for line in lines[1:]:
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise SdpError(f"not a line of a description: {line[:40]!r}")
        yield line[0], line[2:].strip()


def _origin(value: str) -> tuple[str, str, str]:
    parts = value.split()
    if len(parts) != 6 or not _NUMBER.fullmatch(parts[1]) or not _NUMBER.fullmatch(parts[2]):
        raise SdpError("o= line is not: user id version IN IP4 address")
    return parts[1], parts[2], parts[5]


def _collect(section: _Section, kind: str, value: str) -> None:
    if kind == "c":
        section.host = _connection(value)
    elif kind == "b":
        section.bandwidths.append(value)
    elif kind == "a":
        name, colon, rest = value.partition(":")
        if name in Direction._value2member_map_ and not colon:
            section.direction = Direction(name)
            return
        if not _TOKEN.fullmatch(name):
            raise SdpError(f"bad attribute name {name[:40]!r}")
        if len(section.attributes) == ATTRIBUTES_MAX:
            raise SdpError(f"more than {ATTRIBUTES_MAX} attributes")
        section.attributes.append(Attribute(name, rest if colon else None))


def _connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise SdpError("c= line is not: IN IP4 address")
    host = parts[2].partition("/")[0]
    if not _HOST.fullmatch(host):
        raise SdpError("bad connection address")
    return host


def _media(section: _Section, head: _Section) -> Media:
    parts = section.m_line.split()
    if len(parts) < 4:
        raise SdpError("m= line is not: kind port protocol format…")
    kind, port_text, protocol, *formats = parts
    if len(formats) > FORMATS_MAX:
        raise SdpError(f"more than {FORMATS_MAX} formats")
    port_number, _, count = port_text.partition("/")
    if not re.fullmatch(r"[0-9]{1,5}", port_number) or int(port_number) > 65535 or (count and not count.isdecimal()):
        raise SdpError("bad port in m= line")
    if not all(_TOKEN.fullmatch(part) for part in (kind, protocol, *formats)):
        raise SdpError("bad character in m= line")
    port = int(port_number)
    host = section.host or head.host
    if port and not host:
        raise SdpError("no connection address for a media line")
    return Media(
        kind,
        port,
        protocol,
        tuple(formats),
        host,
        section.direction or head.direction or Direction.SENDRECV,
        tuple(section.attributes),
        tuple(section.bandwidths),
    )


# --- writing --------------------------------------------------------------------------------------------------------


def _net(host: str) -> str:
    return f"IN {'IP6' if ':' in host else 'IP4'} {host}"


def render(session: Session) -> bytes:
    """*session* as bytes: one c= line for the session where all media lines agree, else one each."""
    hosts = {m.host for m in session.media if not m.rejected}
    common = hosts.pop() if len(hosts) == 1 else ""
    lines = [
        "v=0",
        f"o=- {session.session_id} {session.version} {_net(session.origin_host)}",
        f"s={session.name}",
        f"c={_net(common or session.origin_host)}",
        "t=0 0",
    ]
    lines += [_attribute(a) for a in session.attributes]
    for media in session.media:
        lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
        if media.rejected:
            continue
        if media.host != common:
            lines.append(f"c={_net(media.host)}")
        lines += [f"b={b}" for b in media.bandwidths]
        lines += [_attribute(a) for a in media.attributes]
        lines.append(f"a={media.direction.value}")
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _attribute(attribute: Attribute) -> str:
    return f"a={attribute.name}" if attribute.value is None else f"a={attribute.name}:{attribute.value}"
