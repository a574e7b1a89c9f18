"""Sends a recording to one end, a frame every 20 ms."""

import secrets
import struct
from collections.abc import Callable, Sequence
from typing import Final

from sip.media.g711 import FRAME_BYTES, FRAME_S

LATE_S: Final = 0.2  # so far behind, the schedule starts anew instead of sending all at once
_HEADER: Final = struct.Struct("!BBHII")
_MARKER: Final = 0x80


class Playout:
    """One recording on its way. *now* is monotonic seconds."""

    def __init__(self, frames: Sequence[bytes], payload: int, now: float, send: Callable[[memoryview], None]) -> None:
        self._frames = frames
        self._payload = payload
        self._send = send
        self._sent = 0
        self._sequence = secrets.randbits(16)  # RFC 3550 §5.1: random starts
        self._timestamp = secrets.randbits(32)
        self._ssrc = secrets.randbits(32)
        self.due = now  # of the next frame

    @property
    def over(self) -> bool:
        return self._sent == len(self._frames)

    def advance(self, now: float) -> None:
        """Send what is due."""
        if now - self.due > LATE_S:
            self.due = now
        while not self.over and self.due <= now:
            marker = 0 if self._sent else _MARKER  # RFC 3551 §4.1: the beginning of a talkspurt
            head = _HEADER.pack(0x80, self._payload | marker, self._sequence, self._timestamp, self._ssrc)
            self._send(memoryview(head + self._frames[self._sent]))
            self._sent += 1
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp = (self._timestamp + FRAME_BYTES) & 0xFFFFFFFF
            self.due += FRAME_S
