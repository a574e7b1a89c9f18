"""A camera that serves H.264 by RTSP (RFC 2326) over its TCP connection, with Digest (RFC 2617) where it has a login.

Its pictures are made by libx264 and sent again and again. It does what ffmpeg's client asks, and no more.
"""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import re
import struct
from fractions import Fraction
from typing import Any, Self

import av
from av.video.frame import PictureType

from sip.media.webrtc_h264 import NAL_PPS, NAL_SPS, nal_units, packetize

FPS = 20
SIZE = (320, 240)
REALM, NONCE = "camera", "0123456789abcdef"


def recorded(seconds: int = 2, codec: str = "libx264") -> list[bytes]:
    """Pictures as byte streams; a key frame, with its parameter sets, each second."""
    coder: Any = av.CodecContext.create(codec, "w")
    coder.width, coder.height = SIZE
    coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", Fraction(1, FPS), Fraction(FPS)
    coder.thread_count, coder.gop_size = 1, FPS
    if codec == "libx264":
        coder.profile = "Baseline"
        coder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1:annexb=1"}
    found: list[bytes] = []
    with av.open(f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate={FPS},format=yuv420p", format="lavfi") as source:
        for number, frame in enumerate(itertools.islice(source.decode(video=0), FPS * seconds)):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, FPS), PictureType.NONE
            found += [bytes(packet) for packet in coder.encode(frame)]
    found += [bytes(packet) for packet in coder.encode(None)]
    return found


class RtspCamera:
    """``async with RtspCamera(user, password) as camera``; *bare*: parameter sets stand in its description alone."""

    def __init__(self, user: str = "", password: str = "", *, bare: bool = False, kind: str = "H264") -> None:
        self._login = (user, password)
        self._kind = kind
        pictures = [nal_units(one) for one in recorded()]
        self._sets = [unit for unit in pictures[0] if unit[0] & 0x1F in (NAL_SPS, NAL_PPS)]
        if bare:
            pictures = [[unit for unit in one if unit not in self._sets] for one in pictures]
        self.pictures = [packetize(b"".join(b"\0\0\1" + unit for unit in one)) for one in pictures]
        self.viewers: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.asked: list[str] = []  # request lines
        self.silent = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    async def __aenter__(self) -> Self:
        await self.on()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.off()

    async def on(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def off(self) -> None:
        """As if its cable were pulled."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        playing: asyncio.Task[None] | None = None
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"$":  # RTCP of the client (RFC 2326 §10.12)
                    _, size = struct.unpack("!BH", await reader.readexactly(3))
                    await reader.readexactly(size)
                    continue
                request = first + await reader.readuntil(b"\r\n\r\n")
                method = self._answer(request.decode("latin-1"), writer)
                if method == "PLAY" and playing is None:
                    playing = asyncio.get_running_loop().create_task(self._play(writer))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            if playing is not None:
                playing.cancel()
            self._tasks.discard(task)
            self.viewers.discard(writer)
            self._writers.discard(writer)
            writer.close()

    def _answer(self, request: str, writer: asyncio.StreamWriter) -> str:
        line = request.partition("\r\n")[0]
        method, url, _ = line.split(" ")
        self.asked.append(line)
        sequence = re.search(r"(?i)CSeq: *(\d+)", request)
        told = {"CSeq": sequence[1] if sequence else "0"}
        status, body = "200 OK", ""
        if self._login[0] and method != "OPTIONS" and not self._proves(request, method, url):
            status, method = "401 Unauthorized", ""
            told["WWW-Authenticate"] = f'Digest realm="{REALM}", nonce="{NONCE}"'
        elif method == "OPTIONS":
            told["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            told |= {"Content-Type": "application/sdp", "Content-Base": f"{self.url}/"}
            body = self._description()
        elif method == "SETUP":
            told |= {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": "12345678"}
        else:
            told["Session"] = "12345678"
        if body:
            told["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"RTSP/1.0 {status}\r\n{lines}\r\n{body}".encode())
        return method

    def _proves(self, request: str, method: str, url: str) -> bool:
        given = dict(re.findall(r'(\w+)="([^"]*)"', request))
        one, two = (
            hashlib.md5(text.encode()).hexdigest()
            for text in (f"{self._login[0]}:{REALM}:{self._login[1]}", f"{method}:{given.get('uri', url)}")
        )
        return given.get("response") == hashlib.md5(f"{one}:{NONCE}:{two}".encode()).hexdigest()

    def _description(self) -> str:
        if self._kind == "PCMU":
            return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n"
        sets = ",".join(base64.b64encode(one).decode() for one in self._sets)
        form = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n" if self._kind == "H264" else ""
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {self._kind}/90000\r\n{form}a=control:track1\r\n"
        )

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        self.viewers.add(writer)
        number = 0
        with contextlib.suppress(ConnectionError):
            for index in itertools.count():
                payloads = self.pictures[index % len(self.pictures)]
                for at, payload in enumerate(() if self.silent else payloads):
                    marker = 0x80 if at == len(payloads) - 1 else 0
                    number += 1
                    packet = (
                        struct.pack("!BBHII", 0x80, 96 | marker, number & 0xFFFF, index * 90_000 // FPS, 5) + payload
                    )
                    writer.write(struct.pack("!BBH", 0x24, 0, len(packet)) + packet)
                await writer.drain()
                await asyncio.sleep(1 / FPS)
