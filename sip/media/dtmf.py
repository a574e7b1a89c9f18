"""DTMF in its two carriers: telephone events in RTP (RFC 4733) and the two bodies of INFO in use."""

import re
from dataclasses import dataclass
from typing import Final

DIGITS: Final = "0123456789*#ABCD"
_EVENT_BYTES: Final = 4
_REMEMBERED_EVENTS: Final = 8  # RTP timestamps of recent events: a late, reordered packet is no new digit
_DURATION_MAX: Final = 0xFFFF

INFO_RELAY: Final = "application/dtmf-relay"
INFO_PLAIN: Final = "application/dtmf"
_SIGNAL: Final = re.compile(r"^\s*signal\s*=\s*(\S{1,2})\s*$", re.IGNORECASE | re.MULTILINE)
_NAMED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The payload of RFC 4733 §2.3."""

    code: int
    end: bool
    duration: int  # in units of the RTP timestamp


def parse_event(payload: bytes | memoryview) -> TelephoneEvent | None:
    """The first event of *payload*, or None if it is too short."""
    if len(payload) < _EVENT_BYTES:
        return None
    return TelephoneEvent(payload[0], bool(payload[1] & 0x80), payload[2] << 8 | payload[3])


class EventReader:
    """Turns the packets of one RTP stream's events into digits, each once, at the first packet that shows it.

    An event is known by its RTP timestamp (RFC 4733 §2.2.1), never by the marker bit, which gets lost with its packet.
    """

    def __init__(self) -> None:
        self._seen: list[int] = []
        self._last: TelephoneEvent | None = None

    def feed(self, payload: bytes | memoryview, timestamp: int) -> str | None:
        """The digit that begins with this packet; None for a repetition, a continuation or another event."""
        event = parse_event(payload)
        if event is None or event.code >= len(DIGITS):
            return None
        last, known = self._last, timestamp in self._seen
        if known and timestamp != self._seen[-1]:
            return None  # late packet of an earlier event
        self._last = event
        if known:
            return None
        self._seen = [*self._seen[1 - _REMEMBERED_EVENTS :], timestamp]
        return None if last is not None and _continues(last, event) else DIGITS[event.code]


def _continues(last: TelephoneEvent, event: TelephoneEvent) -> bool:
    """Whether *event*, although it has another timestamp, is the key still held down: the next segment of a long event
    (RFC 4733 §2.5.1.3), or a sender that wrongly moves the timestamp with each packet."""
    if last.end or last.code != event.code:
        return False
    return last.duration == _DURATION_MAX or event.duration > last.duration


def parse_info(content_type: str, body: bytes) -> str | None:
    """The digit of an INFO body of either kind; None if it is none."""
    kind = content_type.partition(";")[0].strip().casefold()
    text = body[:256].decode("ascii", "replace")
    if kind == INFO_RELAY:
        match = _SIGNAL.search(text)
        signal = match[1] if match else ""
    elif kind == INFO_PLAIN:
        match = _SIGNAL.search(text)
        signal = match[1] if match else text.strip()
    else:
        return None
    signal = _NAMED.get(signal, signal.upper())
    return signal if len(signal) == 1 and signal in DIGITS else None


def is_info_dtmf(content_type: str) -> bool:
    """Whether an INFO of this type is DTMF, readable or not."""
    return content_type.partition(";")[0].strip().casefold() in (INFO_RELAY, INFO_PLAIN)
