"""A process that reads one camera by RTSP over TCP and sends its H.264 as RTP to a port on loopback, as it is.

python -m edge.cameras.reader

Told by one line of JSON on standard input, ``{"url", "user", "password", "port"}``, never by arguments, which everybody
on the machine can read. Tells ``{"live": true}`` and ``{"live": false, "why": …}`` on standard output, each once. Ends
with its standard input. A process of its own, since what a camera sends is parsed by a large C library: whatever goes
wrong there ends a picture, not the doors.
"""

import json
import os
import random
import resource
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import av

from sip.media.webrtc_h264 import NAL_IDR, NAL_SPS, UNIT_BYTES_MAX, nal_types, nal_units, packetize

OPEN_S: Final = 10.0
SILENT_S: Final = 8.0  # a camera that sends nothing for so long is asked anew
BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SOUND_S: Final = 20.0  # after so long a picture the back-off begins anew
MEMORY_BYTES_MAX: Final = 2 << 30
PAYLOAD_TYPE: Final = 96
STEP_S: Final = 1 / 30  # between pictures whose times are not known
HOST: Final = "127.0.0.1"
_CLOCK_HZ: Final = 90_000
_HEADER: Final = struct.Struct("!BBHII")
_OPTIONS: Final = {
    "rtsp_transport": "tcp", "allowed_media_types": "video", "protocol_whitelist": "rtsp,rtp,tcp,udp",
    "fpsprobesize": "0", "analyzeduration": "2000000",  # microseconds; what was looked at is shown nevertheless
}  # fmt: skip


class NoPicture(Exception):
    """The camera shows none; the text holds no address and no login."""


class Packets:
    """RTP (RFC 3550 §5.1) of pictures that are given one after the other, over lost connections too."""

    def __init__(self) -> None:
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._parameters: tuple[bytes, ...] = ()
        self._shown_s = 0.0  # time of the last picture, on our clock
        self._offset_s: float | None = None  # from the camera's clock to ours

    def begin(self, parameters: bytes, now_s: float) -> None:
        """A new connection; *parameters*: SPS and PPS as a byte stream, where they were told beforehand."""
        self._parameters = tuple(nal_units(parameters))
        self._shown_s, self._offset_s = max(now_s, self._shown_s), None

    def of(self, picture: bytes, at_s: float | None) -> Iterator[bytes]:
        """Packets of *picture*, a byte stream; *at_s*: its time as the camera counts, where it is known.

        None of one that is too large.
        """
        if len(picture) > UNIT_BYTES_MAX:
            return
        payloads: Sequence[bytes] = packetize(picture)
        kinds = {kind for payload in payloads for kind in nal_types(payload)}
        if NAL_IDR in kinds and NAL_SPS not in kinds:
            payloads = (*self._parameters, *payloads)
        stamp = round(self._time(at_s) * _CLOCK_HZ) & 0xFFFFFFFF
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            self._sequence = (self._sequence + 1) & 0xFFFF
            yield _HEADER.pack(0x80, PAYLOAD_TYPE | marker, self._sequence, stamp, self._ssrc) + payload

    def _time(self, at_s: float | None) -> float:
        next_s = self._shown_s + STEP_S
        if at_s is None:
            self._shown_s = next_s
        else:
            if self._offset_s is None:
                self._offset_s = next_s - at_s
            self._shown_s = at_s + self._offset_s
        return self._shown_s


def with_login(url: str, user: str, password: str) -> str:
    """*url* as the RTSP client takes it."""
    if not user:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def pictures(url: str, packets: Packets) -> Iterator[bytes]:
    """RTP of the camera at *url* until it is lost. Raises NoPicture, always in the end."""
    try:
        with av.open(url, options=dict(_OPTIONS), timeout=(OPEN_S, SILENT_S)) as camera:
            if not camera.streams.video:
                raise NoPicture("no picture is offered")
            stream = camera.streams.video[0]
            if stream.codec_context.name != "h264":
                raise NoPicture(f"the picture is {stream.codec_context.name}, not h264")
            packets.begin(bytes(stream.codec_context.extradata or b""), time.monotonic())
            for packet in camera.demux(stream):
                if packet.size:
                    yield from packets.of(bytes(packet), _time(packet))
    except (av.FFmpegError, OSError) as error:
        raise NoPicture(_told(error)) from None  # the error's own text has the login in it
    raise NoPicture("the camera has ended it")


def _time(packet: Any) -> float | None:
    stamp = packet.dts if packet.pts is None else packet.pts
    return None if stamp is None else float(stamp * Fraction(packet.time_base))


def _told(error: Exception) -> str:
    number = getattr(error, "errno", None)
    known = os.strerror(number) if isinstance(number, int) and 0 < number < 200 else ""
    return f"{type(error).__name__}: {known}" if known else type(error).__name__


def watch(camera: Mapping[str, Any], out: socket.socket) -> None:
    """For ever: read, and after a loss again, later each time."""
    url = with_login(camera["url"], camera["user"], camera["password"])
    to, packets, losses, live = (HOST, int(camera["port"])), Packets(), 0, None
    while True:
        began = time.monotonic()
        try:
            for packet in pictures(url, packets):
                if live is not True:
                    live = _tell(live=True)
                out.sendto(packet, to)
        except NoPicture as error:
            if live is not False:
                live = _tell(live=False, why=str(error))
        losses = 0 if time.monotonic() - began >= SOUND_S else losses + 1
        time.sleep(BACKOFF_S[min(losses, len(BACKOFF_S) - 1)] * random.uniform(0.8, 1.2))  # noqa: S311 - no secret


def _tell(*, live: bool, **more: str) -> bool:
    print(json.dumps({"live": live, **more}), flush=True)  # noqa: T201 - it is what this process says
    return live


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the login is in memory
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    camera = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        watch(camera, out)


if __name__ == "__main__":
    main()
