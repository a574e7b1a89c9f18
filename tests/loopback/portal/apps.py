"""An app without a browser: another aiortc peer that keeps what it gets and says what it is given."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription

from sip.media.webrtc import PayloadTrack, _pass_through, preferred

WITHIN_S = 20.0


async def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """What *condition* gives once it is true."""
    async with asyncio.timeout(within_s):
        while not (found := condition()):  # noqa: ASYNC110 - what aiortc holds has no event
            await asyncio.sleep(0.01)
    return found


class AppPeer:
    """``async with AppPeer() as app``; offers sound both ways and one picture to see."""

    def __init__(
        self, audio: str = "audio/pcma", *, video: bool = True, ice_servers: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """*ice_servers*: as of `welcome`."""
        servers = [RTCIceServer(**one) for one in ice_servers]
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.voice = PayloadTrack("audio")
        self.heard: list[bytes] = []
        self.seen: list[tuple[bool, bytes]] = []
        sound = self.pc.addTransceiver(self.voice, "sendrecv")
        sound.setCodecPreferences(preferred("audio", audio))
        _pass_through(sound.sender, self.voice)
        sound.receiver._handle_rtp_packet = self._hear
        self.picture = self.pc.addTransceiver("video", "recvonly") if video else None
        if self.picture is not None:
            self.picture.receiver._handle_rtp_packet = self._see
        self._stamp = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def answered(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    @property
    def connected(self) -> bool:
        return bool(self.pc.connectionState == "connected")

    def say(self, payload: bytes) -> None:
        self.voice.push((payload,), self._stamp)
        self._stamp += len(payload)

    async def ask_for_picture(self, ssrc: int) -> None:
        assert self.picture is not None
        await self.picture.receiver._send_rtcp_pli(ssrc)

    async def _hear(self, packet: Any, arrival_time_ms: int) -> None:
        self.heard.append(packet.payload)

    async def _see(self, packet: Any, arrival_time_ms: int) -> None:
        self.seen.append((bool(packet.marker), packet.payload))
