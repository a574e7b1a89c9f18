"""The own phone's RTP: a tone out every 20 ms, what comes in counted, recorded and searched for digits."""

import array
import asyncio
import contextlib
import math
import secrets
import socket
import struct
import wave
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.phone.g711 import DECODED, ENCODERS
from sip.media.dtmf import DIGITS, EventReader
from sip.media.rtp import Receiver, parse_header

RATE_HZ: Final = 8000
PACKET_S: Final = 0.02
PACKET_SAMPLES: Final = 160
_EVENT_PACKETS: Final = 8  # 160 ms of key
_EVENT_ENDS: Final = 3  # RFC 4733 §2.5.1.4: the end is sent three times
_GAP_PACKETS: Final = 5
_VOLUME: Final = 10  # dBm0 below full, RFC 4733 §2.3
_MAX_PACKET_BYTES: Final = 2048
_MAX_QUEUED_EVENT_PACKETS: Final = 2000
_RTP: Final = struct.Struct("!BBHII")


class Audio:
    """One call's RTP socket on *ip*. It sends once `connect` has said where to."""

    def __init__(self, ip: str, port: int, tone_hz: int, on_digit: Callable[[str], None], wav: Path | None) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((ip, port))
        self.port = int(self._socket.getsockname()[1])
        self.sent = 0
        self._tone_hz = tone_hz
        self._on_digit = on_digit
        self._receiver = Receiver()
        self._received = 0
        self._digits = EventReader()
        self._heard = array.array("h")
        self._wav = wav
        self._codec = "PCMA"
        self._payload, self._event_payload = 8, 101
        self._peer: tuple[str, int] | None = None
        self._tone: list[bytes] = []
        self._events: deque[tuple[bytes, int] | None] = deque(maxlen=_MAX_QUEUED_EVENT_PACKETS)
        self._sequence, self._ssrc = secrets.randbits(16), secrets.randbits(32)
        self._timestamp = secrets.randbits(32)
        self._due_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    @property
    def received(self) -> int:
        """Packets of speech and events so far."""
        return self._received

    @property
    def lost(self) -> int:
        return self._receiver.lost

    def connect(self, host: str, port: int, codec: str, payload: int, event_payload: int) -> None:
        """Send to that place from now on; again after a re-INVITE."""
        self._peer = (host, port)
        self._codec, self._payload, self._event_payload = codec, payload, event_payload
        self._tone = _tone(self._tone_hz, ENCODERS[codec])
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due_at = loop.time()
            self._timer = loop.call_soon(self._tick)  # type: ignore[assignment] # both can be cancelled

    def press(self, digits: str) -> None:
        """Queue *digits* as telephone events (RFC 4733). Raises ValueError for what is no key."""
        for digit in digits:
            code = DIGITS.index(digit)
            steps = [(False, number) for number in range(1, _EVENT_PACKETS + 1)] + [
                (True, _EVENT_PACKETS)
            ] * _EVENT_ENDS
            for place, (end, number) in enumerate(steps):
                body = struct.pack("!BBH", code, (0x80 if end else 0) | _VOLUME, number * PACKET_SAMPLES)
                self._events.append((body, place))
            self._events.extend([None] * _GAP_PACKETS)

    def close(self) -> str | None:
        """Stop; the file that was written, if any."""
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        if self._wav is None:
            return None
        with wave.open(str(self._wav), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE_HZ)
            out.writeframes(self._heard.tobytes())
        return str(self._wav)

    def _tick(self) -> None:
        """Send what is due, and ask for the next turn on the same grid."""
        loop = asyncio.get_running_loop()
        while self._due_at <= loop.time():
            self._send_one()
            self._due_at += PACKET_S
        self._timer = loop.call_at(self._due_at, self._tick)

    def _send_one(self) -> None:
        self._timestamp = (self._timestamp + PACKET_SAMPLES) & 0xFFFFFFFF
        event = self._events.popleft() if self._events else None
        if event is None:
            payload = self._tone[self.sent % len(self._tone)]
            header = _RTP.pack(0x80, self._payload, self._sequence, self._timestamp, self._ssrc)
        else:
            payload, place = event
            began = (
                self._timestamp - place * PACKET_SAMPLES
            ) & 0xFFFFFFFF  # all packets of an event bear its beginning
            marker = 0x80 if place == 0 else 0
            header = _RTP.pack(0x80, marker | self._event_payload, self._sequence, began, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.sent += 1
        if self._peer is not None:
            with contextlib.suppress(OSError):  # the peer's port is closed, or the buffer is full: as on any network
                self._socket.sendto(header + payload, self._peer)

    def _readable(self) -> None:
        with contextlib.suppress(OSError):  # an ICMP error of what we sent, or nothing there after all
            while True:
                self._packet(self._socket.recv(_MAX_PACKET_BYTES))

    def _packet(self, packet: bytes) -> None:
        header = parse_header(packet)
        if header is None:
            return
        self._received += 1
        event = header.payload_type == self._event_payload
        now = asyncio.get_running_loop().time()
        self._receiver.note(header.sequence, header.timestamp, header.ssrc, now, timed=not event)
        body = packet[header.payload_at :]
        if event:
            digit = self._digits.feed(body, header.timestamp)
            if digit is not None:
                self._on_digit(digit)
        elif header.payload_type == self._payload and self._wav is not None:
            decoded = DECODED[self._codec]
            self._heard.extend(decoded[byte] for byte in body)


def _tone(hz: int, encode: Callable[[int], int]) -> list[bytes]:
    """One second of *hz*, which begins again without a click, as packets."""
    step = 2 * math.pi * hz / RATE_HZ
    samples = bytes(encode(int(12_000 * math.sin(step * i))) for i in range(RATE_HZ))
    return [samples[start : start + PACKET_SAMPLES] for start in range(0, RATE_HZ, PACKET_SAMPLES)]
