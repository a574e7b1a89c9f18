"""What could carry the media of apps, each in a process of its own, told the same way.

Ours are told by JSON lines ``{"door": SDP of the door, "app": SDP that the app offers}`` and answer ``{"door": SDP to
the door, "app": SDP to the app}``. *payloads* is our hub; *decode* is the usual way of aiortc, the picture decoded and
encoded anew, the sound decoded and sent as Opus. *rtpengine* is spoken to by its own protocol.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from typing import Any, Final, Protocol, Self

import av
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from sip.media.ng import NgClient
from sip.media.rtp import parse_header
from sip.media.webrtc import use_addresses
from sip.media.webrtc_h264 import Depacketizer
from sip.media.webrtc_hub import HOST, Hub, _payload
from sip.media.webrtc_sdp import agree, answer
from sip.sdp import parse

Address = tuple[str, int]
_FRAMES_MAX: Final = 50
_NG_PORT: Final = 2223
_START: Final = b"\x00\x00\x00\x01"


class Payloads:
    """Our hub, one call each."""

    def __init__(self, offer: bytes) -> None:
        self._hub = Hub(offer, lambda: None)
        self.answer = self._hub.add_leg(0, offer)

    async def connect(self, offer: str) -> str:
        sdp = await self._hub.connect("app", offer)
        self._hub.talk("app", 0)
        return sdp


class _Frames(MediaStreamTrack):
    """Decoded frames for aiortc to encode; the oldest is dropped where it cannot follow."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._queue: asyncio.Queue[Any] = asyncio.Queue(_FRAMES_MAX)

    def push(self, frame: Any) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(frame)

    async def recv(self) -> Any:
        return await self._queue.get()


class _Port(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._take(data)


class Decoding:
    """One call, decoded and encoded."""

    def __init__(self, offer: bytes) -> None:
        self._agreed = agree(offer)
        self._pictures = Depacketizer()
        self._video: Any = av.CodecContext.create("h264", "r")
        self._audio: Any = av.CodecContext.create("pcm_alaw", "r")
        self._audio.format, self._audio.layout, self._audio.sample_rate = "s16", "mono", 8000
        self._shown, self._said = _Frames("video"), _Frames("audio")
        self._out: asyncio.DatagramTransport
        self.answer = b""

    async def start(self) -> Self:
        loop = asyncio.get_running_loop()
        ports = []
        for take in (self._hear, self._see):
            transport, _ = await loop.create_datagram_endpoint(lambda take=take: _Port(take), local_addr=(HOST, 0))  # type: ignore[misc]
            ports.append(transport)
        self._out = ports[0]
        audio, video = (port.get_extra_info("sockname")[1] for port in ports)
        self.answer = answer(self._agreed, HOST, audio, video)
        return self

    async def connect(self, offer: str) -> str:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        pc.addTrack(self._said)
        pc.addTrack(self._shown)
        pc.on("track", lambda track: asyncio.ensure_future(self._speak(track)) if track.kind == "audio" else None)
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        return str(pc.localDescription.sdp)

    def _hear(self, data: bytes) -> None:
        header = parse_header(data)
        if header is not None:
            packet = av.Packet(_payload(data, header))
            for frame in self._audio.decode(packet):
                frame.pts, frame.time_base = header.timestamp, Fraction(1, 8000)
                self._said.push(frame)

    def _see(self, data: bytes) -> None:
        header = parse_header(data)
        if header is None:
            return
        for unit in self._pictures.feed(header.sequence, header.timestamp, header.marker, _payload(data, header)):
            with contextlib.suppress(av.FFmpegError):
                for frame in self._video.decode(av.Packet(_stream(unit.payloads))):
                    frame.pts, frame.time_base = unit.timestamp, Fraction(1, 90_000)
                    self._shown.push(frame)

    async def _speak(self, track: Any) -> None:
        coder: Any = av.CodecContext.create("pcm_alaw", "w")
        coder.format, coder.layout, coder.sample_rate, coder.time_base = "s16", "mono", 8000, Fraction(1, 8000)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000, frame_size=160)
        to = (self._agreed.audio.host, self._agreed.audio.port)
        while True:
            for frame in resampler.resample(await track.recv()):
                for packet in coder.encode(frame):
                    self._out.sendto(bytes(12) + bytes(packet), to)


def _stream(payloads: tuple[bytes, ...]) -> bytes:
    """Payloads of one picture as a byte stream; those of `benchmarks.app_lab.pictures`, whole or FU-A."""
    found = bytearray()
    for payload in payloads:
        if payload[0] & 0x1F != 28:
            found += _START + payload
            continue
        if payload[1] & 0x80:
            found += _START + bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
        found += payload[2:]
    return bytes(found)


class Engine(Protocol):
    """A process that carries calls."""

    @property
    def pid(self) -> int: ...

    async def exchange(self, door: str, app: str) -> tuple[Address, Address, str]:
        """Where the door sends sound and picture, and the answer for the app."""
        ...


class _Ours:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def exchange(self, door: str, app: str) -> tuple[Address, Address, str]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the engine has no pipes")
        self._process.stdin.write(json.dumps({"door": door, "app": app}).encode() + b"\n")
        told = json.loads(await self._process.stdout.readline())
        return (*_addresses(told["door"]), told["app"])


class _Rtpengine:
    """The app is its caller, since it is the app that offers."""

    def __init__(self, pid: int, client: NgClient) -> None:
        self.pid = pid
        self._client = client
        self._calls = itertools.count()

    async def exchange(self, door: str, app: str) -> tuple[Address, Address, str]:
        identity = {"call_id": f"call {next(self._calls)}", "from_tag": "app"}
        common: dict[str, Any] = {"flags": ["trust-address"], "replace": ["origin", "session-connection"]}
        to_door = await self.asked(
            "offer", **identity, **common, sdp=app, ICE="remove", transport_protocol="RTP/AVP", rtcp_mux=["demux"],
            DTLS_reverse="passive",
        )  # fmt: skip
        to_app = await self.asked(
            "answer", **identity, **common, to_tag="door", sdp=door, ICE="force",
            transport_protocol="UDP/TLS/RTP/SAVPF", rtcp_mux=["require"],
        )  # fmt: skip
        return (*_addresses(to_door), to_app)

    async def asked(self, command: str, **fields: Any) -> str:
        """The description of the reply. Raises RuntimeError where there is none."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._client.request(command, reply.set_result, **fields)
        told = await reply
        if told is None:
            raise RuntimeError(f"rtpengine: {command}: {self._client.error}")
        return str(told.get("sdp", ""))


@contextlib.asynccontextmanager
async def engine_of(name: str) -> AsyncIterator[Engine]:
    """The engine *name*, ended with the block."""
    ours = [sys.executable, "-m", "benchmarks.app_lab.engines", name]
    theirs = [
        "rtpengine", "--config-file=none", "-f", "-E", "-L", "3", "--table=-1", f"--interface={HOST}",
        f"--listen-ng={HOST}:{_NG_PORT}", "--port-min=50000", "--port-max=60000", "--endpoint-learning=off",
    ]  # fmt: skip
    pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    argv = theirs if name == "rtpengine" else ours
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, stderr=quiet if name == "rtpengine" else None, limit=1 << 20
    )
    client = NgClient()
    try:
        if name == "rtpengine":
            await client.open(HOST, _NG_PORT)
            engine = _Rtpengine(process.pid, client)
            async with asyncio.timeout(10.0):
                while True:
                    with contextlib.suppress(RuntimeError):  # it is not there yet
                        await engine.asked("ping")
                        break
            yield engine
        else:
            yield _Ours(process)
    finally:
        client.close()
        process.terminate()
        await process.wait()


def _addresses(sdp: str) -> tuple[Address, Address]:
    lines = {media.kind: (media.host, media.port) for media in parse(sdp.encode()).media}
    return lines["audio"], lines["video"]


async def serve(kind: str) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    calls = []
    while line := await lines.readline():
        asked = json.loads(line)
        offer = asked["door"].encode()
        call = Payloads(offer) if kind == "payloads" else await Decoding(offer).start()
        calls.append(call)
        print(json.dumps({"door": call.answer.decode(), "app": await call.connect(asked["app"])}), flush=True)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    use_addresses((HOST,))
    asyncio.run(serve(sys.argv[1]))
