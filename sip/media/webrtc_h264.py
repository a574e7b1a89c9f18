"""H.264 in RTP (RFC 6184) as far as passing it on needs it: units of one picture, key frames, what to show first.

And packets of a byte stream (ITU-T H.264 Annex B), for pictures that come another way than by RTP.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

NAL_IDR: Final = 5
NAL_SPS: Final = 7
NAL_PPS: Final = 8
_STAP_A: Final = 24
_FU_A: Final = 28
_TYPE: Final = 0x1F
_FU_START, _FU_END = 0x80, 0x40
_LEFT_OUT: Final = frozenset({9, 12})  # access unit delimiter, filler: RTP has no need of them
PAYLOAD_BYTES_MAX: Final = 1200  # passes TURN and VPNs, too
UNIT_BYTES_MAX: Final = 512 * 1024  # of one picture
CACHED_UNITS_MAX: Final = 300  # at most ten seconds
CACHED_BYTES_MAX: Final = 4 * 1024 * 1024
_SEQUENCES: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32
_FILL_TICKS: Final = 90  # a millisecond between what is only decoded, not watched


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """The payloads of one picture."""

    payloads: tuple[bytes, ...]
    timestamp: int
    key: bool


def nal_types(payload: bytes) -> tuple[int, ...]:
    """Types of the NAL units that *payload* carries, or a part of (RFC 6184 §5.2); empty for what is none."""
    if not payload:
        return ()
    kind = payload[0] & _TYPE
    if kind == _FU_A:
        return (payload[1] & _TYPE,) if len(payload) > 1 else ()
    if kind != _STAP_A:
        return (kind,)
    found, at = [], 1
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        found.append(payload[at + 2] & _TYPE)
        at += 2 + size
    return tuple(found)


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of *stream*, which begins with a start code (Annex B §B.1); empty where it does not."""
    head, *units = stream.split(b"\x00\x00\x01")
    if head.strip(b"\x00"):
        return []
    return [unit for unit in (part.rstrip(b"\x00") for part in units) if unit]


def packetize(stream: bytes, most: int = PAYLOAD_BYTES_MAX) -> tuple[bytes, ...]:
    """Payloads of one picture of *stream*, none longer than *most* bytes: whole NAL units, or FU-A (RFC 6184 §5.8)."""
    payloads: list[bytes] = []
    for unit in nal_units(stream):
        if unit[0] & _TYPE in _LEFT_OUT:
            continue
        payloads += (unit,) if len(unit) <= most else _fragments(unit, most)
    return tuple(payloads)


def byte_stream(payloads: Iterable[bytes]) -> bytes:
    """The picture of *payloads* as Annex B has it; what is not whole is left out."""
    units: list[bytes] = []
    parts: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & _TYPE if payload else 0
        if kind == _FU_A and len(payload) > 1:
            if payload[1] & _FU_START:
                parts = [bytes((payload[0] & ~_TYPE | payload[1] & _TYPE,))]
            if parts:
                parts.append(payload[2:])
                if payload[1] & _FU_END:
                    units.append(b"".join(parts))
                    parts = []
        elif kind == _STAP_A:
            units += _aggregated(payload)
        elif 0 < kind < _STAP_A:
            units.append(payload)
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def _aggregated(payload: bytes) -> list[bytes]:
    found, at = [], 1
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        found.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def _fragments(unit: bytes, most: int) -> list[bytes]:
    indicator, kind, size = unit[0] & ~_TYPE | _FU_A, unit[0] & _TYPE, most - 2
    found = []
    for at in range(1, len(unit), size):
        edges = (_FU_START if at == 1 else 0) | (_FU_END if at + size >= len(unit) else 0)
        found.append(bytes((indicator, kind | edges)) + unit[at : at + size])
    return found


class Depacketizer:
    """Collects packets to pictures. What lost a packet is dropped whole: half a key frame is worse than none."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        self._bytes = 0
        self._timestamp = 0
        self._broken = False
        self._next: int | None = None
        self.lost = False  # a picture was dropped since `take_loss`

    def feed(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> Iterable[AccessUnit]:
        """Pictures that *payload* completes; at most two, where the one before had no marker."""
        done: list[AccessUnit] = []
        if self._next is not None and sequence != self._next:
            if (self._next - sequence) % _SEQUENCES < _SEQUENCES // 2:
                return done  # late or repeated
            self._break()
        self._next = (sequence + 1) % _SEQUENCES
        if self._payloads and timestamp != self._timestamp:
            done += self._finish()
        self._timestamp = timestamp
        self._bytes += len(payload)
        if self._bytes > UNIT_BYTES_MAX:
            self._break()
        elif payload:
            self._payloads.append(payload)
        if marker:
            done += self._finish()
        return done

    def take_loss(self) -> bool:
        """Whether a picture was lost since the last question."""
        lost, self.lost = self.lost, False
        return lost

    def _break(self) -> None:
        self._broken = self.lost = True
        self._payloads.clear()

    def _finish(self) -> list[AccessUnit]:
        payloads, broken = tuple(self._payloads), self._broken
        self._payloads.clear()
        self._bytes, self._broken = 0, False
        if broken or not payloads:
            return []
        key = any(NAL_IDR in nal_types(payload) for payload in payloads)
        return [AccessUnit(payloads, self._timestamp, key)]


class KeyFrameCache:
    """Everything since the last key frame, for whoever begins to look. *parameters*: SPS and PPS of the description."""

    def __init__(self, parameters: Sequence[bytes] = ()) -> None:
        self._parameters = tuple(parameters)
        self._units: list[AccessUnit] = []
        self._bytes = 0

    def take(self, unit: AccessUnit) -> AccessUnit:
        """Remember *unit*; as it is to be passed on: a key frame has its parameter sets before it."""
        if unit.key:
            has_own = any(NAL_SPS in nal_types(payload) for payload in unit.payloads)
            if self._parameters and not has_own:
                unit = AccessUnit((*self._parameters, *unit.payloads), unit.timestamp, True)
            self._units, self._bytes = [], 0
        elif not self._units:
            return unit
        self._units.append(unit)
        self._bytes += sum(map(len, unit.payloads))
        if len(self._units) > CACHED_UNITS_MAX or self._bytes > CACHED_BYTES_MAX:
            self.forget()
        return unit

    def forget(self) -> None:
        """A picture is missing: what follows cannot be decoded from here."""
        self._units, self._bytes = [], 0

    def catch_up(self) -> list[tuple[tuple[bytes, ...], int]]:
        """Payloads and timestamps that bring a new decoder to now; with their own stamps it would stay late."""
        if not self._units:
            return []
        last, count = self._units[-1].timestamp, len(self._units)
        return [
            (unit.payloads, (last - (count - 1 - index) * _FILL_TICKS) % _TIMESTAMPS)
            for index, unit in enumerate(self._units)
        ]
