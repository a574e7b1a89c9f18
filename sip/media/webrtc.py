"""One app's WebRTC connection: payloads pass unchanged both ways, aiortc does ICE, DTLS, SRTP, RTCP, NACK and RTX.

The only module that touches private names of aiortc: `_next_encoded_frame`, `_send_keyframe`, `_handle_rtp_packet`
(that is why its version is pinned; `tests/loopback/portal/test_hub.py` is the contract). Nothing is decoded. Should
they move, `sip.media.webrtc_public` does the same by public names.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aioice.ice
import aiortc.rtcrtpsender
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

QUEUED_FRAMES_MAX: Final = 320  # more than a cache of key frames holds
OFFER_CHARS_MAX: Final = 32_768
NEGOTIATION_S: Final = 10.0
CLOSE_S: Final = 5.0
_LEFT_OUT: Final = ("a=end-of-candidates", "a=extmap:")
_NAMED: Final = re.compile(r"a=candidate.*\.local")
_NO_LEVEL: Final[Any] = None  # how loud a frame is: not known without decoding it

log = logging.getLogger(__name__)
for _name in ("aiortc", "aioice"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they format each packet


class NotUsable(Exception):
    """The app's description cannot be answered."""


@dataclass(frozen=True, slots=True)
class PeerEvents:
    """What a connection tells; each on the event loop."""

    microphone: Callable[[int, bytes], None]  # timestamp, payload
    connected: Callable[[], None]
    keyframe: Callable[[], None]
    closed: Callable[[], None]  # it failed, or the app closed it


_ALL_ADDRESSES: Final = aioice.ice.get_host_addresses


def host_addresses() -> list[str]:
    """Every address of this machine that others can reach, for a site that listens on all of them."""
    return list(_ALL_ADDRESSES(True, True))


def use_addresses(addresses: Sequence[str]) -> None:
    """Make *addresses* the only ones that browsers are offered; all others of the host stay unknown to them."""

    def ours(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [one for one in addresses if (use_ipv6 if ":" in one else use_ipv4)]

    aioice.ice.get_host_addresses = ours


class Track(Protocol):
    """What goes to the app."""

    def push(self, payloads: Sequence[bytes], timestamp: int) -> None:
        """The payloads of one moment, in the codec's clock."""
        ...


class PayloadTrack(MediaStreamTrack):
    """Payloads that the sender turns into RTP as they are; the oldest is dropped where nobody takes them."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._frames: deque[Any] = deque(maxlen=QUEUED_FRAMES_MAX)
        self._taker: asyncio.Future[None] | None = None  # the sender's one task, while it waits

    def push(self, payloads: Sequence[bytes], timestamp: int) -> None:
        self.put(aiortc.rtcrtpsender.RTCEncodedFrame(list(payloads), timestamp, _NO_LEVEL))

    def put(self, frame: Any) -> None:
        """Whatever the sender takes."""
        self._frames.append(frame)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def recv(self) -> Any:
        """For one taker at a time."""
        while not self._frames:
            if self.readyState != "live":
                raise MediaStreamError
            self._taker = asyncio.get_running_loop().create_future()
            await self._taker
        return self._frames.popleft()


class Peer:
    """A connection, made for one offer and never renegotiated. `close` must be awaited."""

    def __init__(self, events: PeerEvents, audio_mime: str | None, *, video: bool) -> None:
        """*audio_mime* None, *video* False: there is none, here or in the offer that will come."""
        # Never without a list: aiortc would ask a public STUN server.
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._events = events
        self._closed = False
        self._audio: Track | None = None if audio_mime is None else self._add_sound(audio_mime)
        self._video: Track | None = self._add_picture() if video else None
        self._pc.on("connectionstatechange", self._changed)

    def _add_sound(self, mime: str) -> "Track":
        track = PayloadTrack("audio")
        sound: Any = self._pc.addTransceiver(track, "sendrecv")
        sound.setCodecPreferences(preferred("audio", mime))
        _pass_through(sound.sender, track)
        sound.receiver._handle_rtp_packet = self._microphone
        return track

    def _add_picture(self) -> "Track":
        track = PayloadTrack("video")
        picture: Any = self._pc.addTransceiver(track, "sendonly")
        picture.setCodecPreferences(preferred("video", "video/h264", "video/rtx"))
        _pass_through(picture.sender, track)
        picture.sender._send_keyframe = self._events.keyframe
        return track

    @property
    def connected(self) -> bool:
        return not self._closed and self._pc.connectionState == "connected"

    async def accept(self, offer: str) -> str:
        """The answer to the app's offer. Raises NotUsable."""
        if len(offer) > OFFER_CHARS_MAX or ("m=audio" not in offer and "m=video" not in offer):
            raise NotUsable("not an offer of an app")
        try:
            async with asyncio.timeout(NEGOTIATION_S):
                await self._pc.setRemoteDescription(RTCSessionDescription(relieved(offer), "offer"))
                await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as error:  # noqa: BLE001 - aiortc raises whatever its parser runs into
            raise NotUsable(f"{type(error).__name__}: {error}"[:200]) from error
        return str(self._pc.localDescription.sdp)

    def push_audio(self, payload: bytes, timestamp: int) -> None:
        if self._audio is not None:
            self._audio.push((payload,), timestamp)

    def push_video(self, payloads: Sequence[bytes], timestamp: int) -> None:
        if self._video is not None:
            self._video.push(payloads, timestamp)

    async def close(self) -> None:
        """Idempotent; threads and sockets are gone when it returns."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._pc.close()
        except TimeoutError:
            log.warning("a WebRTC connection took more than %.0f s to close", CLOSE_S)

    def _changed(self) -> None:
        state = self._pc.connectionState
        if self._closed:
            return
        if state == "connected":
            self._events.connected()
        elif state in ("failed", "closed"):
            self._events.closed()

    async def _microphone(self, packet: Any, arrival_time_ms: int) -> None:
        if packet.payload and not self._closed:
            self._events.microphone(packet.timestamp, packet.payload)


def relieved(offer: str) -> str:
    """*offer* without what would only cost time.

    mDNS candidates take a second to look up; the browser is found by its own checks. The end of candidates goes with
    them, or ICE would give up at once. Header extensions (RFC 8285) would be written into each packet, and there is one
    sound and one picture, which SSRCs tell apart.
    """
    kept = [line for line in offer.splitlines() if not (line.startswith(_LEFT_OUT) or _NAMED.match(line))]
    return "\r\n".join(kept) + "\r\n"


def preferred(kind: str, *names: str) -> list[Any]:
    """Codecs of aiortc by their MIME types."""
    return [codec for codec in RTCRtpSender.getCapabilities(kind).codecs if codec.mimeType.lower() in names]


def _pass_through(sender: Any, track: PayloadTrack) -> None:
    async def next_frame(_codec: Any) -> Any:
        frame = await track.recv()
        return frame if sender._enabled else None

    sender._next_encoded_frame = next_frame
