"""A resident's phone without a browser: the app's protocol by WebSocket, its media by an aiortc peer."""

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Self

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcrtpsender import RTCEncodedFrame
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.app_lab.house import HTTP_PORT, Let
from benchmarks.app_lab.source import PCMA, SPOKEN
from sip.media.webrtc import PayloadTrack, preferred

WITHIN_S: Final = 20.0
_FRAME_S: Final = 0.02
_HEADER: Final = struct.Struct("!BBHII")


class App:
    """The signalling of one app: `hear` gives the next message of a type, heartbeats are answered beside it."""

    def __init__(self, let: Let, origin: str, socket: ClientConnection) -> None:
        self._let, self._origin, self._socket = let, origin, socket
        self._number = 0
        self._heard: dict[str, asyncio.Queue[tuple[float, dict[str, Any]]]] = {}

    async def say(self, type: str, **fields: Any) -> str:
        self._number += 1
        await self._socket.send(json.dumps({"v": 1, "type": type, "id": f"a{self._number}", **fields}))
        return f"a{self._number}"

    async def hear(self, type: str) -> tuple[float, dict[str, Any]]:
        """When it came, in monotonic seconds, and the message."""
        async with asyncio.timeout(WITHIN_S):
            return await self._queue(type).get()

    async def hello(self) -> None:
        _, challenge = await self.hear("challenge")
        session = self._let.session
        signature = self._let.key.sign("intercom-edge/1/ws", self._origin, challenge["nonce"], session)
        await self.say("hello", session=session, signature=signature)
        await self.hear("welcome")

    async def read(self) -> None:
        """Until cancelled."""
        async for text in self._socket:
            at, message = time.monotonic(), json.loads(text)
            if message["type"] == "ping":
                await self.say("pong", re=message["id"])
            else:
                self._queue(message["type"]).put_nowait((at, message))

    def _queue(self, type: str) -> asyncio.Queue[tuple[float, dict[str, Any]]]:
        return self._heard.setdefault(type, asyncio.Queue())


@contextlib.asynccontextmanager
async def app_of(let: Let, address: str) -> AsyncIterator[App]:
    """The app of *let*, connected to the house at *address*."""
    origin = f"http://{address}:{HTTP_PORT}"
    async with connect(f"ws://{address}:{HTTP_PORT}/ws", origin=origin, proxy=None) as socket:  # type: ignore[arg-type]
        app = App(let, origin, socket)
        reading = asyncio.get_running_loop().create_task(app.read())
        try:
            await app.hello()
            yield app
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def exchange(app: App, call: str, offer: str) -> str:
    """The answer to *offer*."""
    await app.say("offer", call=call, sdp=offer)
    _, answer = await app.hear("answer_sdp")
    return str(answer["sdp"])


class Peer:
    """Media of an app. It speaks from `speak` on; what it is shown it decodes, measures, or lets fall unread."""

    def __init__(self, *, apart: bool = False) -> None:
        """*apart*: sound and picture may come by ways of their own."""
        policy = RTCBundlePolicy.BALANCED if apart else RTCBundlePolicy.MAX_BUNDLE
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))
        self.connected_at: float | None = None
        self.first_picture_at: float | None = None
        self.up = asyncio.Event()
        self._speaking = asyncio.Event()
        self._spoken = 0
        self._began_at = 0.0
        sound = self.pc.addTransceiver("audio", "sendrecv")
        sound.setCodecPreferences(preferred("audio", "audio/pcma"))
        sound.sender.replaceTrack(PayloadTrack("audio"))
        sound.sender._next_encoded_frame = self._frame
        self._sound = sound
        self._picture = self.pc.addTransceiver("video", "recvonly")
        self.pc.on("connectionstatechange", self._changed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()

    async def join(self, app: App, call: str) -> None:
        """Offer to *call*; returns when the connection is up."""
        await self.answered(await exchange(app, call, await self.offer()))

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def answered(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        async with asyncio.timeout(WITHIN_S):
            await self.up.wait()

    def speak(self) -> None:
        self._began_at, self._spoken = time.monotonic(), 0
        self._speaking.set()

    async def picture(self) -> float:
        """When the first picture was decoded, monotonic seconds."""
        async with asyncio.timeout(WITHIN_S):
            await self._picture.receiver.track.recv()
        return time.monotonic()

    def look_away(self) -> None:
        """From here nothing is read: this peer is there to be served, not to measure. For half a minute at most, then
        its connection counts as lost."""
        loop: Any = asyncio.get_running_loop()
        for one in (self._sound, self._picture):
            for protocol in one.receiver.transport.transport._connection._protocols:
                loop._remove_reader(protocol.transport.get_extra_info("socket").fileno())

    def utter(self, number: int) -> None:
        """Send the *number*th 20 ms of a voice, by a shorter way than aiortc's."""
        sender = self._sound.sender
        dtls = sender.transport
        pair = dtls.transport._connection._nominated[1]
        head = _HEADER.pack(0x80, PCMA, number & 0xFFFF, number * len(SPOKEN) & 0xFFFFFFFF, sender._ssrc)
        pair.protocol.transport.sendto(dtls._tx_srtp.protect(head + SPOKEN), pair.remote_addr)

    def watch(self, seen: Callable[[bytes, bool], None]) -> None:
        """*seen* gets the payload of each packet with picture, and whether it ends one, instead of a decoder."""

        async def take(packet: Any, arrival_time_ms: int) -> None:
            seen(packet.payload, bool(packet.marker))

        self._picture.receiver._handle_rtp_packet = take

    async def _frame(self, _codec: Any) -> Any:
        await self._speaking.wait()
        self._spoken += 1
        await asyncio.sleep(max(0.0, self._began_at + (self._spoken - 1) * _FRAME_S - time.monotonic()))
        return RTCEncodedFrame([SPOKEN], self._spoken * len(SPOKEN), None)  # type: ignore[arg-type]

    def _changed(self) -> None:
        if self.pc.connectionState == "connected":
            self.connected_at = time.monotonic()
            self.up.set()
