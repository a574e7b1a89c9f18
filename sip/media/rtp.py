"""RTP headers and what a receiver learns from them (RFC 3550): packets, octets, loss, jitter."""

import struct
from dataclasses import dataclass
from typing import Final

HEADER_BYTES: Final = 12
_HEADER: Final = struct.Struct("!BBHII")
_MAX_DROPOUT: Final = 3_000  # RFC 3550 appendix A.1: a jump of more is a restart of the sender
_SEQUENCES: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class RtpHeader:
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int  # where the payload begins


def parse_header(packet: bytes | memoryview) -> RtpHeader | None:
    """The header of *packet*, or None if it is not RTP version 2 or ends inside its header."""
    if len(packet) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
    if first >> 6 != 2:
        return None
    payload_at = HEADER_BYTES + 4 * (first & 0x0F)
    if first & 0x10:  # RFC 3550 §5.3.1 header extension
        if len(packet) < payload_at + 4:
            return None
        payload_at += 4 + 4 * (packet[payload_at + 2] << 8 | packet[payload_at + 3])
    if payload_at > len(packet):
        return None
    return RtpHeader(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, payload_at)


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What was received from one end on one media line, and what was sent to it."""

    kind: str = "audio"
    packets: int = 0
    octets: int = 0  # payload and header, without IP and UDP
    lost: int | None = 0  # RFC 3550 §6.4.1 cumulative; may be negative with duplicates; None: not counted
    jitter_s: float | None = 0.0
    sent_packets: int = 0
    sent_octets: int = 0
    strangers: int = 0  # datagrams from an address that was not the peer's
    malformed: int = 0
    sends: bool = False  # the end's description says so
    receives: bool = False
    silent: bool = False  # it was told to be silent: nothing for `[media] silence_s`


class Receiver:
    """Sequence and jitter bookkeeping of one incoming stream."""

    __slots__ = (
        "_base",
        "_clock_hz",
        "_cycles",
        "_highest",
        "_jitter",
        "_ssrc",
        "_transit",
        "earlier_lost",
        "received",
    )

    def __init__(self, clock_hz: int = 8000) -> None:
        self._clock_hz = clock_hz
        self.received = 0  # of the present SSRC
        self.earlier_lost = 0
        self._ssrc: int | None = None
        self._base = self._highest = self._cycles = 0
        self._transit: float | None = None
        self._jitter = 0.0

    def note(self, sequence: int, timestamp: int, ssrc: int, arrival_s: float, *, timed: bool = True) -> None:
        """One packet. *timed* is False for packets whose timestamp is not of their own time (RFC 4733 events)."""
        if ssrc != self._ssrc:
            self._restart(sequence, ssrc)
        delta = (sequence - self._highest) & (_SEQUENCES - 1)
        if delta < _MAX_DROPOUT:
            if sequence < self._highest:
                self._cycles += _SEQUENCES
            self._highest = sequence
        elif delta < _SEQUENCES - 100:
            self._restart(sequence, ssrc)
        self.received += 1
        if not timed:
            return
        transit, before = arrival_s * self._clock_hz - timestamp, self._transit  # RFC 3550 appendix A.8
        self._transit = transit
        if before is not None:
            step = abs(transit - before)
            if step > _TIMESTAMPS / 2:  # the timestamp went round
                step = abs(step - _TIMESTAMPS)
            self._jitter += (step - self._jitter) / 16

    def _restart(self, sequence: int, ssrc: int) -> None:
        self.earlier_lost = self.lost
        self._ssrc, self._base, self._highest, self._cycles = ssrc, sequence, sequence, 0
        self.received = 0
        self._transit = None

    @property
    def lost(self) -> int:
        """RFC 3550 appendix A.3: expected less received, earlier streams of this end included."""
        if self._ssrc is None:
            return self.earlier_lost
        return self.earlier_lost + self._cycles + self._highest - self._base + 1 - self.received

    @property
    def jitter_s(self) -> float:
        return self._jitter / self._clock_hz
